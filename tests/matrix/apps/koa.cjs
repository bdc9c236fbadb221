const Koa = require('koa')
const { whoami } = require('./whoami.cjs')

const app = new Koa()
app.use(async (context) => {
  context.body = await whoami(context.query.ms)
})
app.listen(process.env.PORT)
