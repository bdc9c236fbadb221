// A program that was written against PM2, and the same with promises. Run it with `node examples/supervise.js`.

const path = require('node:path')
const pm2 = require('rpm-native')

const app = { script: path.join(__dirname, 'http.js'), name: 'example', env: { PORT: 0 } }

function asWithPm2(done) {
  pm2.connect((error) => {
    if (error) throw error
    pm2.launchBus((error, bus) => {
      if (error) throw error
      bus.on('process:event', ({ event, process }) => console.log(`${process.name} (${process.pm_id}): ${event}`))
      bus.on('log:out', ({ data, process }) => console.log(`${process.name} says: ${data.trim()}`))
      pm2.start(app, (error, [started]) => {
        if (error) throw error
        console.log(`started with pid ${started.process.pid}`)
        pm2.delete('example', (error) => {
          if (error) throw error
          pm2.disconnect(done)
        })
      })
    })
  })
}

async function withPromises() {
  const [started] = await pm2.start(app)
  console.log(`started with pid ${started.pid}`)
  for await (const { line } of pm2.logs('example', { lines: 1 })) {
    console.log(`it says: ${line}`)
    break
  }
  await pm2.delete('example')
}

asWithPm2(() => withPromises())
