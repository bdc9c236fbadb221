//! Help that teaches: what is typed most, by example.

pub(super) const OVERVIEW_TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}\n\n{before-help}{options}{after-help}";

pub(super) const OVERVIEW: &str = "\
Run:
  start       a script, a program, a shell line or an application file
  restart     stop and start again, with what the application file says now
  apply       make the list what an application file says
  reload      replace processes one at a time, without refusing a request
  startOrRestart  an application file: restart what is there, start the rest
  startOrReload   the same with a reload (startOrGracefulReload)
  stop        stop, and keep it in the list
  delete      stop and forget (del)
  scale       change how many processes an app has
  run         run jobs now
  reset       set the restart counters to 0
  sendSignal  send a signal to processes (signal)
  serve       files of a directory, over HTTP (expose)
  monitor     mark processes, as PM2's dashboards do
  unmonitor   take the mark away

Talk:
  trigger     have apps do what they have announced
  send        write a line to the input of processes
  attach      type to a process, and see what it prints
  inspect     open the inspector of a Node app, or close it

Look:
  list        all processes (ls, l, ps, status)
  describe    everything about a process (desc, info, show)
  jobs        when jobs run next, how they ran
  env         the variables of a process, and where they come from
  logs        the last lines of logs, then what is written (log)
  jlist       the list as PM2's JSON
  prettylist  the same as Node shows an object
  id          the ids of an app's processes
  pid         pids, a line each
  monit       watch everything at once: processes, output, metrics (dashboard, imonit)
  sysinfos    figures of the machine (slist)
  report      all that belongs into a report of a problem
  web         the list as JSON over HTTP, for dashboards
  examples    what is typed most, by example

Without a daemon:
  runtime     apps as the program of a container
  dev         apps while they are written, restarted when files change

Set up:
  init        write an application file for this directory (ecosystem)
  validate    check an application file, without starting anything
  set         a variable of an app, or any setting: app:key value
  multiset    several at once
  get         settings, as commands that set them
  conf        settings, or sets one (config)
  unset       takes settings out again

Machine:
  startup     have everything start with the machine
  unstartup   no more
  logrotate   write a file for logrotate
  completion  completions for bash, zsh and fish
  help        tell about a command

Keep:
  save        save the list (dump); it is kept by itself too
  resurrect   start what was saved, or what ran before a reboot
  cleardump   empty the saved list
  migrate     take over from a PM2 that runs
  flush       empty log files
  reloadLogs  open log files anew, after something else has moved them
  ping        ask the daemon whether it is there
  update      have this version be the daemon; no app notices
  kill        stop everything, the daemon too

";

pub(super) const OVERVIEW_EXAMPLES: &str = "\
Examples:
  rpm start app.js -i max           one process a core, one port
  rpm start server.py --name api    any program
  rpm reload api                    a new version, no request refused
  rpm logs api                      what it says

rpm help <command> tells more.";

pub(super) const START: &str = "\
Examples:
  rpm start app.js                        a Node app
  rpm start app.js -i max                 one process a core, sharing the port
  rpm start app.js --name api -- -p 80    what follows -- goes to the app
  rpm start \"npm run dev\" --name dev      a shell line
  rpm start ecosystem.config.js --env production
  rpm start                               ecosystem.config.js in this directory
  rpm start api                           what is in the list already
  rpm start app.js --no-daemon            in the foreground, until Ctrl-C";

pub(super) const RESTART: &str = "\
Examples:
  rpm restart api                  by name
  rpm restart 0 1                  by id
  rpm restart all
  rpm restart ecosystem.config.js  apply the file; starts what is missing
  rpm restart api --update-env     with the variables of this shell
  rpm restart api --parallel 1     one process after the other
  rpm restart api --name web       it has that name from now on
  rpm restart api --cron 0 --node-args null    without its schedule, without arguments of Node

An app that came from an application file gets what the file says now; --as-is leaves it as it was.";

pub(super) const RELOAD: &str = "\
Examples:
  rpm reload api
  rpm reload ecosystem.config.js --only api
  rpm reload api --parallel 4      four of its processes at a time

The new process is ready before the old one goes; then the next one is replaced. If one does not get ready, the old
ones that are left stay, and the exit code is 1. With health_window the new ones have to stay well for that long, or
the version before returns. Apps in fork mode are restarted, unless they inherit their sockets (listen).";

pub(super) const START_OR_RESTART: &str = "\
Examples:
  rpm startOrRestart ecosystem.config.js
  rpm startOrRestart ecosystem.config.js --only api,worker

The same as restart with an application file; to touch only what differs: rpm apply.";

pub(super) const START_OR_RELOAD: &str = "\
Examples:
  rpm startOrReload ecosystem.config.js --env production

The same as reload with an application file; to touch only what differs: rpm apply.";

pub(super) const APPLY: &str = "\
Examples:
  rpm apply ecosystem.config.js --dry-run    what would be done
  rpm apply ecosystem.config.js              start, change, scale; the rest runs on
  rpm apply ecosystem.config.js --prune      and delete what has left the file
  rpm apply ecosystem.config.js --env production

Clusters that differ are reloaded, others restarted. Apps keep the shell's variables they were started with, unless
--update-env says otherwise. Nothing is done when any of the file is wrong.";

pub(super) const ENV: &str = "\
Examples:
  rpm env api
  rpm env 0 --explain              which layer, which line of which file
  rpm env api --explain --json

Secrets are not shown.";

pub(super) const STOP: &str = "\
Examples:
  rpm stop api
  rpm stop all
  rpm stop /^worker-/              every name that matches
  rpm stop api --force             not asked: killed at once, with all that it has started
  rpm start api                    and on again

It is asked first (SIGINT, or its kill_signal); after kill_timeout it is killed, and whatever it has started is
ended too. Ctrl-C while this is waited for tells how to hurry it.";

pub(super) const DELETE: &str = "\
Examples:
  rpm delete api
  rpm delete all
  rpm delete ecosystem.config.js   the apps that the file names";

pub(super) const SCALE: &str = "\
Examples:
  rpm scale api 4
  rpm scale api +2
  rpm scale api -1
  rpm scale api max                one for each core";

pub(super) const RUN: &str = "\
Examples:
  rpm run backup
  rpm run backup --wait            until it has ended; exit code 1 when it fails

While a run is under way the job's overlap rule says what happens: skip, queue or replace.";

pub(super) const JOBS: &str = "\
Examples:
  rpm jobs
  rpm jobs backup                  its last runs
  rpm jobs backup --json";

pub(super) const RESET: &str = "\
Examples:
  rpm reset api
  rpm reset all";

pub(super) const SIGNAL: &str = "\
Examples:
  rpm sendSignal SIGUSR2 api
  rpm sendSignal hup 0";

pub(super) const TRIGGER: &str = "\
Examples:
  rpm trigger api clear-cache
  rpm trigger api log-level debug
  rpm trigger all gc --timeout 5s
  rpm trigger api stats --json

Apps announce actions with @pm2/io or tx2; rpm describe shows them. Each process that has the action is asked, and its
answer printed as [name:id:namespace]=<JSON>. The exit code is 1 when one of them does not answer.";

pub(super) const SEND: &str = "\
Examples:
  rpm send 0 \"reload config\"
  rpm send repl .exit";

pub(super) const ATTACH: &str = "\
Examples:
  rpm attach 0
  rpm attach repl";

pub(super) const INSPECT: &str = "\
Examples:
  rpm inspect api

The app has to announce the action internal:inspect. Without it Node opens its inspector by a
signal (rpm sendSignal SIGUSR1 api).";

pub(super) const LIST: &str = "\
Examples:
  rpm ls
  rpm ls --sort memory:desc
  rpm ls --watch                   drawn anew every second
  rpm ls --json                    for programs; PM2's own shape: rpm jlist";

pub(super) const MONIT: &str = "\
Examples:
  rpm monit
  rpm monit --sort memory:desc

Arrows, or j and k, choose a process; q, Escape or Ctrl-C leave. It needs a terminal.";

pub(super) const DESCRIBE: &str = "\
Examples:
  rpm describe api
  rpm describe 0 --json";

pub(super) const ID: &str = "\
Examples:
  rpm id api                       [ 0, 2 ]

A name that nobody has gives [], and exit code 0.";

pub(super) const PID: &str = "\
Examples:
  rpm pid api
  kill -USR2 $(rpm pid api)

Of what doesn't run it is 0.";

pub(super) const MONITOR: &str = "\
Examples:
  rpm monitor api
  rpm unmonitor all

The mark (_km_monitored in jlist) stays with a process, and does nothing here.";

pub(super) const SYSINFOS: &str = "\
Examples:
  rpm sysinfos
  rpm sysinfos --json";

pub(super) const REPORT: &str = "\
Examples:
  rpm report
  rpm report | less

Read it before you post it: what apps have written is in it, and not every secret looks like one.";

pub(super) const LOGS: &str = "\
Examples:
  rpm logs                         everything
  rpm logs api --lines 100
  rpm logs api --err --nostream    the last errors
  rpm logs /^worker-/ --lines 0    every name that matches, from now on
  rpm logs --timestamp HH:mm:ss    with times
  rpm logs --highlight error       with that word marked
  rpm logs --json | jq .message";

pub(super) const FLUSH: &str = "\
Examples:
  rpm flush                        all logs
  rpm flush api";

pub(super) const SET: &str = "\
Examples:
  rpm set api:LOG_LEVEL debug      the variable LOG_LEVEL of api, which gets it at once
  rpm set api.limits.upload 5mb    groups in groups are JSON in the app
  rpm set editor vim               any setting, for whoever asks: rpm get editor

Parts of a key are apart by dots or colons, dots first; double quotes hold a part together. The app that the first
part names is reloaded or restarted with its new variables. Kept in module_conf.json.";

pub(super) const MULTISET: &str = "\
Examples:
  rpm multiset \"api:PORT 80 api:HOST 0.0.0.0\"
  rpm multiset \"api:TITLE 'two words'\"";

pub(super) const GET: &str = "\
Examples:
  rpm get
  rpm get api                      all of api, as lines that set it again
  rpm get api:PORT                 one value
  rpm get --json

What is not set gives exit code 1.";

pub(super) const CONF: &str = "\
Examples:
  rpm conf
  rpm conf api:PORT
  rpm config api:PORT 80           the same as set";

pub(super) const UNSET: &str = "\
Examples:
  rpm unset api:PORT
  rpm unset api
  rpm unset all

Apps lose it with their next restart.";

pub(super) const RELOAD_LOGS: &str = "\
Examples:
  rpm reloadLogs

The daemon's signal SIGUSR2 does the same.";

pub(super) const VALIDATE: &str = "\
Examples:
  rpm validate                     the file of this directory
  rpm validate ecosystem.config.js --env production
  rpm validate apps.yml --json
  rpm validate --schema            for editors

All problems are told at once, and give exit code 1. Unknown fields are warnings.";

pub(super) const INIT: &str = "\
Examples:
  rpm init
  rpm init simple                  an app and nothing else

A file that is there already is never overwritten.";

pub(super) const RUNTIME: &str = "\
Examples:
  rpm runtime app.js
  rpm runtime ecosystem.config.js --env production --only api
  rpm runtime app.js -i max                 one process a core that the container may use
  rpm runtime app.js --json                 output as JSON, a line each

SIGTERM and SIGINT stop the apps in order, a second one kills them; other signals go to apps that handle them. Without
anything that runs it ends, with the exit code of the app that failed.";

pub(super) const DEV: &str = "\
Examples:
  rpm dev app.js
  rpm dev app.js --ignore public,tmp
  rpm dev ecosystem.config.js --post-exec \"npm test\"
  rpm dev app.js --raw";

pub(super) const SERVE: &str = "\
Examples:
  rpm serve                        this directory, on port 8080
  rpm serve ./dist 3000 --spa      an application in one page
  rpm serve ./files --ftp --host 127.0.0.1
  rpm serve ./dist -i 2            two processes, one port
  rpm reload static-page-server-8080

Names that begin with a dot are not served, nor what links lead to outside of the directory. A login is best given by
RPM_SERVE_BASIC_AUTH_USERNAME and RPM_SERVE_BASIC_AUTH_PASSWORD: other users see command lines.";

pub(super) const WEB: &str = "\
Examples:
  rpm web                          http://127.0.0.1:9615/
  rpm web 8000 --host 0.0.0.0      for everybody who reaches the machine
  rpm start \"rpm web\" --name web   as an app of the list

It can only be looked at, and no variable of an app is in it. It stays until it is interrupted.";

pub(super) const UPDATE: &str = "\
Examples:
  npm install -g rpm-native && rpm update
  rpm update --json

The daemon checks this version first, then makes room for it. Apps run on, with their connections and their output. A
version that doesn't take over is left again for the one before, and the command says why.";

pub(super) const KILL: &str = "\
Examples:
  rpm kill
  rpm kill --force                 nothing is asked, everything is killed

The apps end first, in order. Without a daemon there is nothing to do, and that is no failure.";

pub(super) const SAVE: &str = "\
Examples:
  rpm save                         into dump.pm2, in PM2's form; the one before becomes dump.pm2.bak
  rpm save --force                 an empty list too

The list is kept by itself, and outlives the daemon. What is saved by hand is what rpm resurrect starts later.";

pub(super) const RESURRECT: &str = "\
Examples:
  rpm resurrect                    what was saved, and what ran until the machine was started anew
  rpm resurrect --last             what ran before rpm kill
  rpm resurrect --from ~/.pm2/dump.pm2
  rpm resurrect --boot             for the script that starts everything with the machine

Apps whose names are on the list are left as they are. What was stopped is listed as stopped.";

pub(super) const CLEARDUMP: &str = "\
What was saved becomes dump.pm2.bak. What runs is not touched.";

pub(super) const MIGRATE: &str = "\
Examples:
  rpm migrate --dry-run            what would be taken over, and what could not be
  rpm migrate                      each app stops there and starts here
  rpm migrate --keep               and stays on PM2's list, stopped

Two managers cannot hold one port: between an app's end there and its start here nobody serves it. Should any app not
stay up here, all of them go back to PM2.";
