const app = { script: 'app.js' }
app.env = { app }
module.exports = [app]
