#!/usr/bin/env node
'use strict'

require('../lib/command.js').run(['dev', ...process.argv.slice(2)])
