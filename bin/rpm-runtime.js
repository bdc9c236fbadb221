#!/usr/bin/env node
'use strict'

require('../lib/command.js').run(['runtime', ...process.argv.slice(2)])
