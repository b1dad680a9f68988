/**
 * The tables of a page for people who come from another client: each public name of that client is in one row.
 */
import { groups } from "../../src/commands/Commands.ts"

/** Names of the other client, separated by spaces, and what is here in their place. */
export type Row = readonly [theirs: string, here: string]

/** A table of the page; `kind` is the list of names that it has to be complete about. */
export interface Table {
  readonly kind: string
  /** The head of the first column. */
  readonly head: string
  readonly rows: ReadonlyArray<Row>
}

export interface Peer {
  /** The name of its package, and of the list of its names in this folder. */
  readonly name: string
  /** The page that has the tables. */
  readonly page: string
  /** The list whose names are commands, most of which have the same name here. */
  readonly commands: string
  readonly tables: ReadonlyArray<Table>
  /** Names of commands that are the name of another one with something behind it, which is an option here. */
  readonly variant?: ((name: string) => string) | undefined
}

/** The public names of a version of a client, by kind. */
export interface Names {
  readonly version: string
  readonly names: Readonly<Record<string, ReadonlyArray<string>>>
  /** Where it sends commands without keys, by name. */
  readonly routing?: Readonly<Record<string, string>> | undefined
}

const plain = (name: string): string => name.replaceAll(/[-_]/g, "").toLowerCase()

const methods = new Map(groups.flatMap((group) => Object.keys(group)).map((name) => [plain(name), name]))

/** The method with the same name, but for case, underscores and hyphens. */
export const sameMethod = (name: string): string | undefined => methods.get(plain(name))

export const namesOf = ([theirs]: Row): ReadonlyArray<string> => theirs.split(" ")

/** The names of a list that are in no row and are no command with the same name here, and what rows name that is in no list. */
export const gapsOf = (peer: Peer, { names }: Names): ReadonlyArray<string> => {
  const gaps: Array<string> = []
  for (const [kind, list] of Object.entries(names)) {
    const rows = peer.tables.filter((table) => table.kind === kind).flatMap((table) => table.rows)
    const told = rows.flatMap(namesOf)
    for (const name of list) {
      const isCommand = kind === peer.commands && sameMethod(peer.variant?.(name) ?? name) !== undefined
      const isTold = told.includes(name) || told.includes(peer.variant?.(name) ?? name)
      if (!isTold && !isCommand) gaps.push(`${kind}: ${name} is in no row`)
    }
    for (const [i, name] of told.entries()) {
      if (!list.includes(name)) gaps.push(`${kind}: the row of ${name} is about nothing`)
      if (told.indexOf(name) !== i) gaps.push(`${kind}: ${name} is in two rows`)
    }
  }
  return gaps
}

const cell = (name: string): string => `\`${name}\``

/** A table as Markdown. */
export const tableOf = ({ head, rows }: Table): string =>
  [
    `| ${head} | Here |`,
    "| --- | --- |",
    ...rows.map((row) => `| ${namesOf(row).map(cell).join(", ")} | ${row[1]} |`)
  ].join("\n")

/** How many names of a list are methods with the same name here. */
export const sameNames = (peer: Peer, { names }: Names): number => {
  const told = new Set(
    peer.tables.filter(({ kind }) => kind === peer.commands).flatMap(({ rows }) => rows.flatMap(namesOf))
  )
  return new Set(
    (names[peer.commands] ?? []).filter((name) => !told.has(name)).flatMap((name) =>
      sameMethod(peer.variant?.(name) ?? name) ?? []
    )
  ).size
}
