setInterval(() => {}, 1000) // keeps Node alive, and nobody waiting
exports.apps = [{ script: 'app.js' }]
