// The native addon, loaded when it is first needed.

const artefacts = require('./artefacts.js')

let loaded

exports.native = () => {
  loaded ??= require(artefacts.addon())
  return loaded
}
