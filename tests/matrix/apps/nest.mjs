// What the TypeScript compiler makes of a controller with decorators, by hand.
import 'reflect-metadata'
import { Controller, Get, Module, Query } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { whoami } from './whoami.cjs'

class Who {
  answer(ms) {
    return whoami(ms)
  }
}
Query('ms')(Who.prototype, 'answer', 0)
Get()(Who.prototype, 'answer', Object.getOwnPropertyDescriptor(Who.prototype, 'answer'))
Controller()(Who)

class Root {}
Module({ controllers: [Who] })(Root)

const app = await NestFactory.create(Root, { logger: ['error'] })
await app.listen(process.env.PORT)
