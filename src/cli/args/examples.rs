//! What is typed most, in the order in which it is needed. Each line is a command that can be typed so.

pub(crate) const EXAMPLES: &str = "\
Start an app, under a name, with arguments of its own:

  rpm start app.js
  rpm start app.js --name api -- --port 8080
  rpm start server.py --interpreter python3
  rpm start \"npm run dev\" --name dev

One process a core, all on one port; more, or fewer, later:

  rpm start app.js -i max --name web
  rpm scale web 4
  rpm scale web +2

See what there is, and what it says:

  rpm ls
  rpm ls --watch --sort memory:desc
  rpm describe web
  rpm logs web --lines 100

A new version: one process after the other, no request refused:

  rpm reload web

Stop, start again, remove:

  rpm stop web
  rpm restart web
  rpm delete web

Several apps in a file, with an environment for each place it runs in:

  rpm init
  rpm validate
  rpm start ecosystem.config.js --env production
  rpm restart ecosystem.config.js --only api

For scripts:

  rpm jlist
  rpm ls --json
  rpm pid web
  rpm id web

After an update of rpm itself; no app notices:

  rpm update

rpm <command> --help has more of each.
";
