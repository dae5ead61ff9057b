// SPDX-License-Identifier: MIT
/** `bottomhalf protocol`: write a protocol of one's own, and check it over the whole table. */
import { existsSync, writeFileSync } from 'node:fs'
import { newProtocol } from '@bottomhalf/history'
import { Option, type Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { mutants, type MutantFlags } from './mutants.js'
import { diff } from './protocolDiff.js'
import { checkTable, type TableFlags } from './protocolTable.js'
import { wholeNumber } from './values.js'
import { atEachSave } from './watching.js'

/** Add `protocol` to the program. `done` gets the exit code. */
export function addProtocol(program: Command, done: (code: number) => void): void {
  const protocol = program.command('protocol').summary('write a protocol of your own, and check it')
    .description('A protocol decides who links a record, who runs it, and how an unbind waits: one file of a few functions.')
  protocol.command('new').summary('write a file to begin with: a copy of production\'s')
    .argument('<NAME>', 'its name; the file is NAME.ts')
    .addOption(new Option('--from <form>', 'what it is a copy of; the other forms are several files each').choices(['F']).default('F'))
    .action((name: string) => { done(create(name)) })
  protocol.command('check').summary('check a protocol in every model of the table')
    .argument('<FILE>', 'the protocol')
    .option('--watch', 'again at each save', false)
    .option('--preemptions <n>', 'schedules with so many preemptions at most', wholeNumber(0, 10))
    .option('--max-executions <n>', 'so many executions of each model at most', wholeNumber(1, 1e9))
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, { watch, ...flags }: TableFlags & { watch: boolean }) => {
      const check = (): Promise<number> => checkTable(file, flags)
      done(await (watch ? atEachSave(file, check) : check()))
    })
  protocol.command('diff').summary('compare what a delivery costs with two protocols')
    .argument('<A>', 'a form, or a file')
    .argument('<B>', 'a form, or a file')
    .option('--json', 'print one JSON object', false)
    .action(async (a: string, b: string, flags: { json: boolean }) => { done(await diff([a, b], flags)) })
  protocol.command('mutants').summary('switch each labelled line off, and see which model notices')
    .argument('[FILE]', 'a protocol; F: the modules of production', 'F')
    .option('--workers <n>', 'threads', wholeNumber(1, 64), 2)
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, flags: MutantFlags) => { done(await mutants(file, flags)) })
}

function create(name: string): number {
  const file = `${name}.ts`
  if (!/^[A-Za-z][\w-]*$/.test(name)) throw new UsageError(`protocol new: ${name} is no name; expected letters, digits, - and _`)
  if (existsSync(file)) throw new UsageError(`protocol new: ${file} is there already`)
  writeFileSync(file, newProtocol(name))
  process.stdout.write(`${file} is production's protocol; change it, then\n  bottomhalf protocol check ${file} --watch\n`)
  return ExitCode.Done
}
