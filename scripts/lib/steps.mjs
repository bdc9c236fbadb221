// Runs steps one after the other, cheapest first, and stops at the first that fails.

import { spawnSync } from 'node:child_process'
import { ROOT } from './sources.mjs'

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const say = (text) => process.stdout.write(`${text}\n`)

export class StepFailed extends Error {}

/** Runs a command in the checkout, its output shown as it comes. */
export function run(command, ...args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw new StepFailed(`${command}: ${error.message}`)
  if (status !== 0) throw new StepFailed(`\`${command} ${args.join(' ')}\` ended with ${signal ?? status}`)
}

/** Runs a tool of node_modules. */
export const tool = (name, ...args) => run(process.execPath, `node_modules/.bin/${name}`, ...args)

/** Whether cargo has this subcommand. */
export function hasCargo(subcommand) {
  return spawnSync('cargo', [subcommand, '--version'], { cwd: ROOT, stdio: 'ignore' }).status === 0
}

/** Runs them all; a step is `{ name, run, skip }`, `skip` a reason or nothing. Gives the process's exit code. */
export async function runSteps(steps) {
  const begun = performance.now()
  const count = { passed: 0, skipped: 0 }
  for (const [index, step] of steps.entries()) {
    const title = `[${index + 1}/${steps.length}] ${step.name}`
    const skip = step.skip?.()
    if (skip) {
      count.skipped += 1
      say(`── ${title}: skipped, ${skip}`)
      continue
    }
    say(`── ${title}`)
    const since = performance.now()
    try {
      await step.run()
    } catch (error) {
      say(
        `── ${title}: FAILED after ${seconds(since)}\n   ${error instanceof StepFailed ? error.message : error.stack}`,
      )
      const rest = steps.slice(index + 1).map(({ name }) => name)
      if (rest.length > 0) say(`   not run: ${rest.join(', ')}`)
      say(`${count.passed} passed, 1 failed, ${count.skipped} skipped, ${rest.length} not run, in ${seconds(begun)}`)
      return 1
    }
    count.passed += 1
    say(`── ${title}: ${seconds(since)}`)
  }
  say(`${count.passed} passed, 0 failed, ${count.skipped} skipped, in ${seconds(begun)}`)
  return 0
}
