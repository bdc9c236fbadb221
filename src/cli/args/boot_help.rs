//! Examples of the verbs that are about the machine.

pub(super) const STARTUP: &str = "\
Examples:
  rpm startup                      prints the line to run as root
  rpm startup --dry-run            the file, and nothing done
  rpm startup --user               without root: a unit of your own systemd manager
  rpm startup --check              would the next boot bring everything back?
  rpm startup systemd -u app --hp /home/app

At boot the list comes back as it was; nothing has to be saved. The unit names a copy of rpm in the home, which follows
the daemon's version, and no Node: what becomes of npm, nvm and node_modules makes no difference.";

pub(super) const UNSTARTUP: &str = "\
Examples:
  rpm unstartup
  rpm unstartup --user
  rpm unstartup systemd -u app --hp /home/app

What runs runs on.";

pub(super) const LOGROTATE: &str = "\
Examples:
  rpm logrotate --dry-run          the file, and nothing done
  rpm logrotate                    as root: /etc/logrotate.d/rpm-<user>
  rpm logrotate -u app --hp /home/app";

pub(super) const COMPLETION: &str = "\
Examples:
  rpm completion --install         for the shell of $SHELL
  rpm completion bash              print it
  rpm completion zsh --install

Commands, options, names of apps and files.";

pub(super) const HELP: &str = "\
Examples:
  rpm help
  rpm help start
  rpm help --man | man -l -";

pub(super) const JLIST: &str = "\
Examples:
  rpm jlist
  rpm jlist | jq '.[].pm2_env.status'";

pub(super) const PRETTYLIST: &str = "\
Examples:
  rpm prettylist
  rpm prettylist | grep restart_time";

pub(super) const UNMONITOR: &str = "\
Examples:
  rpm unmonitor api
  rpm unmonitor all";

pub(super) const PING: &str = "\
Examples:
  rpm ping
  rpm ping --json                  which daemon, since when, of which version";
