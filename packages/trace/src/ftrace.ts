// SPDX-License-Identifier: MIT
/**
 * One line of an ftrace text: `TASK-PID [(TGID)] [CPU] [FLAGS] TIMESTAMP: EVENT: ARGS`.
 *
 * A task's name may hold blanks, dashes, colons and brackets, so a line is read from the right: the time stamp and the
 * event end what can be ambiguous. Everything else in such a file (headers, `CPU 3 is empty`, stack traces, blank lines)
 * is no event.
 *
 * Source: kernel documentation, trace/ftrace; `INPUTS` d.
 */

/** An event as it stands in the trace. Times in ns on the trace's own clock. */
export interface FtraceEvent {
  readonly task: string
  readonly pid: number
  readonly cpu: number
  readonly timeNs: number
  readonly event: string
  readonly args: string
}

// task, "-pid", optional "(tgid)", "[cpu]", optional flags, time, event, args
const LINE = new RegExp([
  '^\\s*(?<task>(?:\\S.*?)?)-(?<pid>\\d+)\\s+',
  '(?:\\(\\s*[-\\d]+\\)\\s+)?',
  '\\[(?<cpu>\\d+)\\]\\s+',
  '(?:(?<flags>\\S{4,8})\\s+)?',
  '(?<time>\\d+(?:\\.\\d+)?):\\s+',
  '(?<event>[A-Za-z_]\\w*):(?:\\s+(?<args>.*))?$',
].join(''))

/** No event of ftrace is longer: its trace_seq is a page. Bounds what the search for the task's end may cost. */
const LONGEST_LINE = 8192

/** Two centuries: clocks count from boot, or from 1970 at most. */
const LATEST_NS = 6.4e18

/** Read one line; undefined if it is no event. */
export function parseFtraceLine(line: string): FtraceEvent | undefined {
  if (line.length > LONGEST_LINE) return undefined
  const groups = LINE.exec(line.trimEnd())?.groups
  if (groups === undefined) return undefined
  const { task = '', pid = '', cpu = '', time = '', event = '', args = '' } = groups
  const timeNs = timeOf(time)
  if (timeNs > LATEST_NS) return undefined
  return { task, pid: Number(pid), cpu: Number(cpu), timeNs, event, args: args.trim() }
}

/** `sec.usec` and `sec.nsec` to ns without a detour over fractions; a bare integer is a count of ns. */
function timeOf(text: string): number {
  const [seconds = '', fraction] = text.split('.')
  if (fraction === undefined) return Number(seconds)
  return Number(seconds) * 1e9 + Number(fraction.padEnd(9, '0').slice(0, 9))
}

/** `irq=36 name=virtio1-req.0`: a name may hold blanks, so it reaches to the end. */
export function parseIrqArgs(args: string): { irq: number, name: string } | undefined {
  const match = /^irq=(\d+)\s+(?:name|handler)=(.*)$/.exec(args)
  return match === null ? undefined : { irq: Number(match[1]), name: (match[2] ?? '').trim() }
}
