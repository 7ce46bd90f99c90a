import { Columns, kindCode, stateCode } from '../rows/columns.ts'
import { Names } from '../rows/names.ts'
import type { MemoryTable, Outline } from '../rows/table.ts'
import { searchable } from '../scan/kernel.ts'

export const pageRows = 1_000
/** Rows kept in the manifest, to know the table again. */
const sampleRows = 8

export interface Plan {
  /** Without what only the texts tell. Rows in the order of project, session, time and number. */
  columns: Columns
  names: Names
  spaces: { model: string; dimension: number }[]
  /** Space of each row's vector, by ordinal; 255: none. */
  spaceOf: Uint8Array
  sample: { num: number; id: string }[]
}

export const noSpace = 255
const maxSpaces = 100

/** Reads what the rows are ordered by, and gives each its ordinal. */
export async function planBase(table: MemoryTable, pause: () => Promise<void>): Promise<Plan> {
  const read = new Columns()
  const names = new Names()
  const spaces: Plan['spaces'] = []
  const spaceOf: number[] = []
  const ids: string[] = []
  for (let last = 0; ;) {
    const page = table.outlines(last, pageRows)
    for (const row of page) {
      // A state of a later version: left out here as it is from the delta.
      if (stateCode(row.state) === -1) continue
      addRow(read, names, row)
      spaceOf.push(spaceFor(spaces, row))
      ids.push(row.id)
    }
    if (page.length < pageRows) break
    last = page.at(-1)!.num
    await pause()
  }
  const order = Uint32Array.from({ length: read.count }, (_, row) => row).sort((one, other) =>
    read.project[one]! - read.project[other]! || read.session[one]! - read.session[other]! || read.at[one]! - read.at[other]! || read.num[one]! - read.num[other]!)
  const columns = new Columns()
  for (const from of order) {
    const ordinal = columns.append(read.num[from]!)
    for (const name of ['project', 'agent', 'session', 'kind', 'state', 'at', 'trust'] as const) columns[name][ordinal] = read[name][from]!
  }
  const step = Math.max(1, Math.floor(ids.length / sampleRows))
  const sample = ids.flatMap((id, row) => (row % step === 0 || row === ids.length - 1 ? [{ num: read.num[row]!, id }] : []))
  return { columns, names, spaces, spaceOf: Uint8Array.from(order, (from) => spaceOf[from]!), sample }
}

function addRow(columns: Columns, names: Names, row: Outline): void {
  const ordinal = columns.append(row.num)
  columns.project[ordinal] = names.intern(row.project)
  columns.agent[ordinal] = names.intern(row.agent)
  columns.session[ordinal] = names.intern(row.session)
  columns.kind[ordinal] = kindCode(row.kind)
  columns.state[ordinal] = stateCode(row.state)
  columns.at[ordinal] = row.at
  columns.trust[ordinal] = row.trust
}

/** Rows of a model whose vectors are not of the dimension that its first has are left without. */
function spaceFor(spaces: Plan['spaces'], { model, vectorBytes }: Outline): number {
  const dimension = (vectorBytes ?? 4) - 4
  if (model === null || !searchable(dimension)) return noSpace
  const known = spaces.findIndex((space) => space.model === model)
  if (known !== -1) return spaces[known]!.dimension === dimension ? known : noSpace
  if (spaces.length >= maxSpaces) return noSpace
  spaces.push({ model, dimension })
  return spaces.length - 1
}
