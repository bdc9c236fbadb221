module.exports = {
  apps: [{ name: "a" script: "app.js" }]
}
