module.exports = [{ name: 'api', script: 'app.js', instances: 'two'.length / 2 }]
