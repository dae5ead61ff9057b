// SPDX-License-Identifier: MIT
/** `bottomhalf protocol`: write a protocol of one's own, and check it over the whole table. */
import { existsSync, watch, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { InputError } from '@bottomhalf/base'
import { checkProtocol, newProtocol, type ProtocolCell } from '@bottomhalf/history'
import type { Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { readText } from './input.js'
import { wholeNumber } from './values.js'

interface CheckFlags { watch: boolean, preemptions: number, maxExecutions: number, json: boolean }

/** Add `protocol` to the program. `done` gets the exit code. */
export function addProtocol(program: Command, done: (code: number) => void): void {
  const protocol = program.command('protocol').summary('write a protocol of your own, and check it')
    .description('A protocol decides who links a record, who runs it, and how an unbind waits: one file of a few functions.')
  protocol.command('new').summary('write a file to begin with: a copy of production\'s')
    .argument('<NAME>', 'its name; the file is NAME.ts')
    .action((name: string) => { done(create(name)) })
  protocol.command('check').summary('check a protocol in every model of the table')
    .argument('<FILE>', 'the protocol')
    .option('--watch', 'again at each save', false)
    .option('--preemptions <n>', 'preemptions at most', wholeNumber(0, 10), 1)
    .option('--max-executions <n>', 'executions of each model at most', wholeNumber(1, 1e9), 300)
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, flags: CheckFlags) => { done(await check(file, flags)) })
}

function create(name: string): number {
  const file = `${name}.ts`
  if (!/^[A-Za-z][\w-]*$/.test(name)) throw new UsageError(`protocol new: ${name} is no name; expected letters, digits, - and _`)
  if (existsSync(file)) throw new UsageError(`protocol new: ${file} is there already`)
  writeFileSync(file, newProtocol(name))
  process.stdout.write(`${file} is production's protocol; change it, then\n  bottomhalf protocol check ${file} --watch\n`)
  return ExitCode.Done
}

async function check(file: string, flags: CheckFlags): Promise<number> {
  const code = await checkOnce(file, flags)
  if (!flags.watch) return code
  for (;;) {                                   // until a signal
    await nextSave(file)
    process.exitCode = await checkOnce(file, flags).catch(told)
  }
}

async function nextSave(file: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(file, () => {
      watcher.close()
      resolve()
    })
  })
}

/** While a file is watched a mistake in it is told, and the next save awaited. */
function told(error: unknown): number {
  if (!(error instanceof InputError)) throw error
  process.stderr.write(`bottomhalf: ${error.message}\n`)
  return ExitCode.BadInput
}

async function checkOnce(file: string, { preemptions, maxExecutions, json }: CheckFlags): Promise<number> {
  readText(file, 'a protocol')
  const begun = performance.now()
  const cells = await checkProtocol(file, { preemptions, maxExecutions })
    .catch((error: unknown) => { throw refused(file, error) })
  const seconds = (performance.now() - begun) / 1000
  const wrong = cells.filter(({ verdict }) => verdict.violation !== null)
  if (json) process.stdout.write(`${JSON.stringify({ protocol: basename(file), models: cells.map(jsonOf), seconds })}\n`)
  else process.stdout.write(`${cells.map(lineOf).join('\n')}\n${summary(wrong.length, cells.length, seconds)}\n`)
  return wrong.length > 0 ? ExitCode.Violation : ExitCode.Done
}

function summary(wrong: number, all: number, seconds: number): string {
  return `${wrong} of ${all} models show a defect; ${seconds.toFixed(1)} s`
}

function jsonOf({ defect, verdict }: ProtocolCell): object {
  const { verdict: state, violation, executions, bounds } = verdict
  return { model: defect.model, values: verdict.values, verdict: state, violation, executions, bounds }
}

function lineOf({ defect, verdict }: ProtocolCell): string {
  const set = Object.entries(defect.values).map(([name, value]) => ` ${name}=${value}`).join('')
  const what = verdict.violation === null ? 'nothing wrong' : `${verdict.violation.kind}: ${verdict.violation.message}`
  return `${`${defect.model}${set}`.padEnd(44)} ${what} (${verdict.bounds}; ${verdict.executions} executions)`
}

interface BuildMessage {
  readonly text: string
  readonly location: { readonly line: number, readonly column: number } | null
}

/** What the build did not take, with its first place. */
function refused(file: string, error: unknown): unknown {
  const first = (error as { errors?: readonly BuildMessage[] }).errors?.[0]
  if (first === undefined) return error
  const { line = 0, column = -1 } = first.location ?? {}
  return new InputError({ file, line, column: column + 1 }, first.text, 'a protocol (bottomhalf protocol new NAME)')
}
