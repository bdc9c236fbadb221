// PM2's calls that are none of ours: each says what to do instead.

const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')

const MODULES = 'modules are npm packages that PM2 runs as apps: install the package and start it as an app'
const CLOUD = 'there is no monitoring service behind this program'
const GIT = 'how a checkout comes to another commit is the business of git or of your deployment; then `reload`'
const SCREEN = 'this is a screen for people'

const INSTEAD = {
  install: `${MODULES}. Logs are rotated without one.`,
  uninstall: `${MODULES}; then \`delete\` it.`,
  launchModules: MODULES,
  launchAll: MODULES,
  package: MODULES,
  publish: MODULES,
  generateModuleSample: MODULES,
  deleteModule: `${MODULES}; then \`delete\` it.`,
  profile: 'profile the program with its own tools: `node --cpu-prof`, `node --heapsnapshot-signal`.',
  login: CLOUD,
  logout: CLOUD,
  register: CLOUD,
  link: CLOUD,
  linkManagement: CLOUD,
  unlink: CLOUD,
  agentInfos: CLOUD,
  killAgent: CLOUD,
  interact: CLOUD,
  openDashboard: CLOUD,
  minimumSetup: CLOUD,
  clearSetup: CLOUD,
  remote: 'call the method itself.',
  remoteV2: 'call the method itself.',
  deploy: 'run the steps yourself, then `reload` the application file.',
  pullAndRestart: GIT,
  pullAndReload: GIT,
  pullCommitId: GIT,
  backward: GIT,
  forward: GIT,
  deepUpdate: '`update` replaces the daemon; `npm install` the program.',
  autoinstall: 'install with npm what an app needs before it is started.',
  dashboard: `${SCREEN}: \`rpm monit\`.`,
  monit: `${SCREEN}: \`rpm monit\`.`,
  boilerplate: 'npm init has such packages.',
  generateSample: '`rpm init` writes an ecosystem.config.js.',
  report: '`rpm report` prints it.',
}

for (const [name, instead] of Object.entries(INSTEAD)) {
  exports[name] = (_at, ...rest) => {
    const { callback } = split(rest)
    return answer(callback, async () => {
      throw failure('UNSUPPORTED', `rpm-native has no ${name}(): ${instead}`, instead)
    })
  }
}
