module.exports = {
  apps: [
    { name: 'first', script: 'idle.cjs', env: { WHERE: 'home' }, env_production: { WHERE: 'there' } },
    { name: 'second', script: 'idle.cjs' },
  ],
}
