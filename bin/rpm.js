#!/usr/bin/env node
'use strict'

require('../lib/command.js').run(process.argv.slice(2))
