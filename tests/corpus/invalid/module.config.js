const { apps } = require('./no-such-module')
module.exports = apps
