// Figures, their medians, the ratios that matter, and the table.

export const quantile = (values, q) => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)]
  return low + (sorted[Math.ceil(at)] - low) * (at % 1)
}

export const median = (values) => quantile(values, 0.5)

const COLUMNS = ['rpm', 'pm2', 'node', 'limit']

// `more`: a larger figure is better. `wish`: `{ value }` in the row's unit, or `{ limit }` and `{ node }` times that column.
class Row {
  constructor(theme, name, { unit, more = false, wish, note }) {
    Object.assign(this, { theme, name, unit, more, wish, note, values: {} })
  }

  add(who, value) {
    if (!Number.isFinite(value)) return
    this.values[who] ??= []
    this.values[who].push(value)
  }

  median(who) {
    return this.values[who] && median(this.values[who])
  }

  // How many times better we are than `who`; for a limit, how many times its figure ours is.
  ratio(who) {
    const [ours, theirs] = [this.median('rpm'), this.median(who)]
    if (ours === undefined || theirs === undefined) return undefined
    if (who === 'limit') return ours / theirs
    return this.more ? ours / theirs : theirs / ours
  }

  target() {
    const { value, limit, node } = this.wish ?? {}
    if (value !== undefined) return value
    if (limit !== undefined) return this.median('limit') * limit
    return node === undefined ? undefined : this.median('node') * node
  }

  verdict() {
    const [ours, target] = [this.median('rpm'), this.target()]
    if (ours === undefined || target === undefined || Number.isNaN(target)) return ''
    return (this.more ? ours >= target : ours <= target) ? 'yes' : 'no'
  }

  toJSON() {
    const medians = Object.fromEntries(Object.keys(this.values).map((who) => [who, this.median(who)]))
    const ratios = { pm2: this.ratio('pm2'), node: this.ratio('node'), limit: this.ratio('limit') }
    const { theme, name, unit, more, wish, note, values } = this
    return { theme, name, unit, more, wish, note, medians, ratios, met: this.verdict(), values }
  }
}

export class Report {
  rows = new Map()
  notes = []

  row(theme, name, options) {
    const key = `${theme} ${name}`
    if (!this.rows.has(key)) this.rows.set(key, new Row(theme, name, options))
    return this.rows.get(key)
  }

  note(text) {
    if (!this.notes.includes(text)) this.notes.push(text)
  }

  table() {
    const head = ['', 'unit', ...COLUMNS, 'vs pm2', 'x limit', 'wish', 'met']
    const lines = []
    let theme
    for (const row of this.rows.values()) {
      if (row.theme !== theme) lines.push([row.theme])
      theme = row.theme
      lines.push([
        `  ${row.name}`,
        row.unit,
        ...COLUMNS.map((who) => figure(row.median(who))),
        times(row.ratio('pm2')),
        times(row.ratio('limit')),
        wish(row),
        row.verdict(),
      ])
    }
    return `${aligned([head, ...lines])}\n${this.notes.map((note) => `\n* ${note}`).join('')}`
  }
}

export const figure = (value) => {
  if (value === undefined) return '–'
  const size = Math.abs(value)
  return size >= 100 || value === 0 ? String(Math.round(value)) : value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3)
}

const times = (ratio) => (Number.isFinite(ratio) ? `${figure(ratio)}x` : '–')

const wish = (row) => {
  const sign = row.more ? '≥' : '≤'
  const { value, limit, node } = row.wish ?? {}
  if (value !== undefined) return `${sign} ${value}`
  if (limit !== undefined) return `${sign} ${limit}x limit`
  return node === undefined ? '' : `${sign} ${node}x node`
}

const aligned = (lines) => {
  const widths = []
  for (const line of lines) {
    if (line.length === 1) continue
    for (const [at, cell] of line.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  const pad = (cell, at) => (at < 2 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}
