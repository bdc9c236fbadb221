const apps = [{ script: 'app.js' }]
