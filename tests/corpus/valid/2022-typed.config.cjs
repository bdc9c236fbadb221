/** @type {import('rpm-native').Apps} */
module.exports = {
  apps: [{ name: 'web', script: 'app.js', instances: -1, node_args: ['--enable-source-maps'], time: false }],
}
