import { Acl } from "../../../src/commands/Acl.ts"
import { has, isList, type Sample } from "./Sample.ts"

export const acl: ReadonlyArray<Sample> = [
  { name: "aclCat", command: Acl.aclCat("hyperloglog") },
  { name: "aclDeluser", command: Acl.aclDeluser(["ada", "nobody"]), prepare: [Acl.aclSetuser("ada")], expected: 1 },
  { name: "aclDryrun", command: Acl.aclDryrun("default", ["GET", "user:1"]), expected: "OK" },
  {
    name: "aclGenpass",
    command: Acl.aclGenpass(64),
    unstable: (value) => typeof value === "string" && value.length === 16
  },
  {
    name: "aclGetuser",
    command: Acl.aclGetuser("ada"),
    prepare: [Acl.aclSetuser("ada", ["reset", "on", "nopass", "~user:*", "+get"])],
    unstable: has("flags", "commands", "keys"),
    shown: "{ flags: [\"on\", \"nopass\"], commands: \"-@all +get\", keys: \"~user:*\", ... }"
  },
  {
    name: "aclGetuser with a selector",
    command: Acl.aclGetuser("ada"),
    prepare: [["ACL", "SETUSER", "ada", "reset", "on", "nopass", "~k*", "%R~r*", "&c*", "+get", "(~x +set)"]],
    unstable: (value) => {
      const { channels, commands, flags, keys, passwords, selectors } = value as Record<string, unknown>
      const [selector] = selectors as ReadonlyArray<Record<string, unknown>>
      return (flags as ReadonlyArray<string>).includes("on") && JSON.stringify(passwords) === "[]" &&
        commands === "-@all +get" && keys === "~k* %R~r*" && channels === "&c*" &&
        selector["commands"] === "-@all +set" && selector["keys"] === "~x" && selector["channels"] === ""
    }
  },
  { name: "aclGetuser without such a user", command: Acl.aclGetuser("none"), expected: null },
  { name: "aclList", command: Acl.aclList() },
  { name: "aclLoad", command: Acl.aclLoad(), error: /ACL file/ },
  { name: "aclLog", command: Acl.aclLog(10), unstable: isList },
  {
    name: "aclLog of a wrong password",
    command: Acl.aclLog(1),
    prepare: [["ACL", "LOG", "RESET"]],
    refused: [["AUTH", "nobody", "x"], ["AUTH", "nobody", "x"]],
    unstable: (value) =>
      Array.isArray(value) && value.length === 1 && value[0].count === 2 && value[0].reason === "auth" &&
      value[0].username === "nobody" && value[0].ageSeconds >= 0 && value[0].client.id > 0 && has("entryId")(value[0])
  },
  { name: "aclLogReset", command: Acl.aclLogReset(), expected: "OK" },
  { name: "aclSave", command: Acl.aclSave(), error: /ACL file/ },
  { name: "aclSetuser", command: Acl.aclSetuser("ada", ["on", "nopass", "~user:*", "+get"]), expected: "OK" },
  { name: "aclUsers", command: Acl.aclUsers(), prepare: [Acl.aclSetuser("ada")], expected: ["ada", "default"] },
  { name: "aclWhoami", command: Acl.aclWhoami(), expected: "default" }
]
