const os = require('os')

module.exports = {
  apps: [
    {
      name: 'web',
      script: './app.js',
      exec_mode: 'cluster',
      instances: process.env.WEB_CONCURRENCY || os.cpus().length || 'max',
      listen_timeout: 8000,
      kill_timeout: 3000,
      wait_ready: true,
      increment_var: 'PORT',
      env: { PORT: 3000 },
    },
  ],
}
