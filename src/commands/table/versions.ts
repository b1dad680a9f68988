/**
 * The versions that introduced the commands after Redis 7.0: for the error of a server that does not know a command.
 */
interface Version {
  readonly redis?: string
  readonly valkey?: string
}

const since = (version: Version, names: string): ReadonlyArray<readonly [string, Version]> =>
  names.split("|").map((name) => [name, version])

const versions: ReadonlyMap<string, Version> = new Map([
  ...since({ redis: "7.2", valkey: "7.2" }, "CLIENT NO-TOUCH|CLIENT SETINFO|CLUSTER MYSHARDID|WAITAOF"),
  ...since({ redis: "7.4", valkey: "9.0" }, "HEXPIRE|HEXPIREAT|HEXPIRETIME|HPERSIST|HPEXPIRE|HPEXPIREAT|HPEXPIRETIME"),
  ...since({ redis: "7.4", valkey: "9.0" }, "HPTTL|HTTL"),
  ...since({ redis: "8.0", valkey: "9.0" }, "HGETEX|HSETEX"),
  ...since({ redis: "8.0", valkey: "9.1" }, "HGETDEL"),
  ...since({ redis: "8.0" }, "VADD|VCARD|VDIM|VEMB|VGETATTR|VINFO|VLINKS|VRANDMEMBER|VREM|VSETATTR|VSIM"),
  ...since({ redis: "8.2", valkey: "8.0" }, "CLUSTER SLOT-STATS"),
  ...since({ redis: "8.2" }, "VISMEMBER|XACKDEL|XDELEX"),
  ...since({ redis: "8.4", valkey: "9.1" }, "MSETEX"),
  ...since({ redis: "8.4" }, "CLUSTER MIGRATION|DELEX|DIGEST|TRIMSLOTS|VRANGE"),
  ...since({ redis: "8.6" }, "HOTKEYS GET|HOTKEYS RESET|HOTKEYS START|HOTKEYS STOP|XCFGSET"),
  ...since({ valkey: "8.0" }, "CLIENT CAPA|SCRIPT SHOW"),
  ...since({ valkey: "8.1" }, "CLIENT IMPORT-SOURCE|COMMANDLOG GET|COMMANDLOG LEN|COMMANDLOG RESET"),
  ...since(
    { valkey: "9.0" },
    "CLUSTER CANCELSLOTMIGRATIONS|CLUSTER FLUSHSLOT|CLUSTER GETSLOTMIGRATIONS|CLUSTER MIGRATESLOTS|DELIFEQ"
  ),
  ...since({ valkey: "9.1" }, "CLUSTERSCAN")
])

/**
 * The versions that have a command, as `Redis 8.0, Valkey 9.0`; `undefined` for a command that all servers have, and
 * for unknown commands.
 */
export const versionsOf = (name: string): string | undefined => {
  const version = versions.get(name)
  if (version === undefined) return undefined
  const { redis, valkey } = version
  return [
    ...(redis === undefined ? [] : [`Redis ${redis}`]),
    ...(valkey === undefined ? [] : [`Valkey ${valkey}`])
  ].join(", ")
}
