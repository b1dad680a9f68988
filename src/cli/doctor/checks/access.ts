/** Checks of the way to the nodes: startup nodes, the client, addresses, TLS, rights. */
import { type Facts, type NodeFacts, type ProbeFacts, type TlsFacts, valueOf } from "../facts/Facts.ts"
import { answersOf, type Check, type Finding, joined, ok, orOk, problem, skipped, warning } from "../facts/Finding.ts"
import * as Rights from "../facts/Rights.ts"

const day = 24 * 60 * 60 * 1000

/** Certificates that are renewed by themselves are new before: 30 days are usual. */
const fewDays = 21

/** The finding about an address at which no server answers. */
const silent = (probe: ProbeFacts, facts: Facts, address: string): Finding => {
  const why = probe.problem ?? "no answer"
  if (probe.speaks === "plain" && facts.wishes.tls) {
    return problem(
      "the server does not speak TLS",
      "Use redis:// and leave out --tls (option `tls`), or give the server a `tls-port`.",
      [address]
    )
  }
  if (probe.speaks === "tls" && !facts.wishes.tls) {
    return problem("the server speaks TLS only", "Use rediss:// or --tls (option `tls: true`).", [address])
  }
  if (probe.connectedIn !== undefined && facts.wishes.tls) {
    const asksForCertificate = /certificate.required|handshake.failure|bad.certificate/i.test(why)
    return problem(
      `TLS fails: ${why}`,
      asksForCertificate
        ? "Give the client its certificate with --cert and --key (options `tls.cert`, `tls.key`), or set `tls-auth-clients optional` on the server."
        : "Look at the log of the server, and compare its `tls-protocols` and `tls-ciphers` with the option `tls` of the client.",
      [address]
    )
  }
  if (why.startsWith("DENIED")) {
    return problem(
      "the server runs in protected mode, which refuses clients of other machines",
      "Set a password on the server (`requirepass`, or an ACL user), or `protected-mode no` in a network that is closed.",
      [address]
    )
  }
  if (why.startsWith("ERR max")) {
    return problem(
      "the server has as many clients as it may have",
      "Raise `maxclients` on the server, or find the program that opens so many connections with CLIENT LIST.",
      [address]
    )
  }
  return problem(
    `no answer: ${why}`,
    "Start the server, correct the address, or open the way to it (firewall, `bind`, port forwarding).",
    [address]
  )
}

export const startup: Check = {
  name: "startup nodes",
  run: (facts) => {
    const findings = facts.startup.flatMap(({ address, probe }) => probe.answers ? [] : [silent(probe, facts, address)])
    const known = facts.startup.flatMap(({ address, id, peers }) => {
      const value = valueOf(id)
      return value === undefined ? [] : [{ address, id: value, peers: new Set(valueOf(peers)) }]
    })
    const [first, ...others] = known
    for (const other of others) {
      if (other.id !== first.id && !first.peers.has(other.id) && !other.peers.has(first.id)) {
        findings.push(problem(
          `${other.address} is of another cluster than ${first.address}`,
          "Leave one of them out of the startup nodes: a client follows one of the clusters only. If they shall be one cluster, use CLUSTER MEET.",
          [other.address]
        ))
      }
    }
    const count = facts.startup.length
    return orOk(findings, count, count === 1 ? "it answers" : `all ${count} answer, and none is of another cluster`)
  }
}

/** The next step after the client did not start, by the words of its error. */
const remedyOfStart = (facts: Facts, reason: string, message: string): string => {
  if (reason === "ClusterDisabledError") {
    return "Start the server with `cluster-enabled yes`, or use a client for single servers."
  }
  if (reason === "OptionsError") return "Correct the option that the message names."
  if (/password|authenticat/i.test(message)) {
    return facts.wishes.hasPassword
      ? "Correct the user and the password: --username, and REDIS_PASSWORD or --ask-password (options `username`, `password`). ACL LIST on the server shows its users."
      : "Give a password in REDIS_PASSWORD or with --ask-password (option `password`)."
  }
  if (/permission/i.test(message)) {
    return "Give the user the rights that the client needs: ACL SETUSER name +ping +cluster|slots +asking."
  }
  if (/certificate|self.signed|altname/i.test(message)) return "See the findings about TLS."
  return "See the findings about the startup nodes."
}

export const client: Check = {
  name: "client",
  run: ({ client, ...facts }) => {
    switch (client._tag) {
      case "Connected": {
        const nodes = client.shards.reduce((sum, { replicas }) => sum + 1 + replicas.length, 0)
        return [ok(`connected: ${client.shards.length} shards, ${nodes} nodes`)]
      }
      case "NotConnected":
        return [problem(
          `it cannot start: ${client.message}`,
          remedyOfStart({ client, ...facts }, client.reason, client.message)
        )]
    }
  }
}

const isPrivate = (address: string): boolean => /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)/.test(address)

/** Whether other nodes say that the node is down. */
export const isDownFor = (facts: Facts, id: string): boolean =>
  facts.nodes.some((node) =>
    (valueOf(node.lines) ?? []).some((line) =>
      line.id === id && line.flags.some((flag) => flag === "fail" || flag === "fail?")
    )
  )

const unreachable = (facts: Facts, node: NodeFacts): Finding => {
  const why = node.probe.problem ?? "no answer"
  if (node.foundAt !== undefined) {
    return problem(
      `${node.announced} cannot be reached from here (${why}), but the node answers at ${node.foundAt}`,
      `Set the option \`mapAddress\` so that ${node.announced} becomes ${node.foundAt}; for this command line: --map ${node.announced}=${node.foundAt}. ` +
        "Or let the node announce an address that clients reach (`cluster-announce-ip`, `cluster-announce-port`).",
      [node.address]
    )
  }
  if (node.probe.connectedIn !== undefined) return silent(node.probe, facts, node.address)
  if (isDownFor(facts, node.id)) {
    return problem(
      `no answer (${why}), and other nodes do not reach it either`,
      "Start the node; if it is gone for good, remove it with CLUSTER FORGET on every other node.",
      [node.address]
    )
  }
  return problem(
    `the announced address cannot be reached from here: ${why}`,
    isPrivate(node.announced)
      ? "It is an address of a private network: run the client there, let the node announce an address that clients reach (`cluster-announce-ip`, or `cluster-announce-hostname` with `cluster-preferred-endpoint-type hostname`), or set the option `mapAddress` (--map)."
      : "Let the node announce an address that clients reach (`cluster-announce-ip`), set the option `mapAddress` (--map), or open the way to it.",
    [node.address]
  )
}

export const addresses: Check = {
  name: "addresses",
  run: (facts) =>
    orOk(
      facts.nodes.flatMap((node) => node.probe.answers ? [] : [unreachable(facts, node)]),
      facts.nodes.length,
      "every announced address answers"
    )
}

const remedyOfCertificate = (code: string, { certificate }: TlsFacts): string => {
  const names = certificate === undefined || certificate.names.length === 0
    ? certificate?.subject ?? "no name"
    : certificate.names.join(", ")
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `Set the name to expect with --server-name (options \`tls.servername\`, or \`tls.servernameOf\` for a name by node), or issue a certificate for the address. The certificate is good for: ${names}.`
    case "CERT_HAS_EXPIRED":
      return "Renew the certificate (`tls-cert-file`), and load it with CONFIG SET tls-cert-file."
    case "CERT_NOT_YET_VALID":
      return "Set the clock of this machine or of the issuer, or wait."
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return "Trust the authority that issued it with --ca FILE (option `tls.ca`)."
  }
  return "Look at the certificate with openssl s_client, and at the option `tls`."
}

const ofTls = (facts: Facts, address: string, tls: TlsFacts): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const { certificate, refusal, version } = tls
  if (refusal !== undefined) {
    const make = facts.wishes.verifies ? problem : warning
    findings.push(make(`the certificate is refused: ${refusal}`, remedyOfCertificate(refusal, tls), [address]))
  }
  if (certificate !== undefined && refusal !== "CERT_HAS_EXPIRED") {
    const days = Math.floor((certificate.validTo - facts.now) / day)
    if (days < 0) {
      findings.push(problem("the certificate has expired", remedyOfCertificate("CERT_HAS_EXPIRED", tls), [address]))
    } else if (days < fewDays) {
      findings.push(warning(
        `the certificate ends in ${days} days`,
        "Renew the certificate (`tls-cert-file`), and load it with CONFIG SET tls-cert-file.",
        [address]
      ))
    }
  }
  if (/^(SSLv|TLSv1$|TLSv1\.1$)/.test(version)) {
    findings.push(
      warning(`the version of TLS is ${version}`, "Set `tls-protocols \"TLSv1.2 TLSv1.3\"` on the server.", [
        address
      ])
    )
  }
  return findings
}

export const tls: Check = {
  name: "TLS",
  run: (facts) => {
    if (!facts.wishes.tls) return [ok("not asked for: nothing is encrypted")]
    const seen = new Map<string, TlsFacts>()
    for (const { address, probe } of [...facts.startup, ...facts.nodes]) {
      if (probe.tls !== undefined) seen.set(address, probe.tls)
    }
    const versions = [...new Set([...seen.values()].map(({ version }) => version))].toSorted().join(", ")
    return orOk(
      [...seen].flatMap(([address, each]) => ofTls(facts, address, each)),
      seen.size,
      `${versions}; all certificates are accepted, and good for ${fewDays} days or more`
    )
  }
}

export const rights: Check = {
  name: "rights",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "ACL DRYRUN", (node) => node.rights)
    const wanted = new Set<Rights.Right["feature"]>(["client", ...facts.wishes.features])
    const all = Rights.rights({ key: "", channel: "" })
    const findings: Array<Finding> = []
    for (const { node, value: { refused, unknown, user } } of given) {
      for (const right of all) {
        const key = Rights.keyOf(right)
        if (!wanted.has(right.feature)) continue
        const purpose = right.feature === "client" ? "" : ` (${right.feature})`
        if (refused.includes(key)) {
          const remedy = `Let an administrator run: ACL SETUSER ${user} ${right.rule}`
          findings.push(
            right.cost === undefined
              ? problem(`the user ${user} may not run ${right.name}, which is needed${purpose}`, `${remedy}.`, [
                node.address
              ])
              : warning(`the user ${user} may not run ${right.name}${purpose}: ${right.cost}`, `${remedy}.`, [
                node.address
              ])
          )
        }
      }
      const open = all.filter((right) => wanted.has(right.feature) && unknown.includes(Rights.keyOf(right)))
      if (open.length > 0) {
        findings.push(skipped(
          `the user ${user} may not ask for its rights: nothing is known about ${
            open.map(({ name }) => name).join(", ")
          }`,
          `Let an administrator run ACL DRYRUN ${user} with these commands, or: ACL SETUSER ${user} +acl|dryrun +acl|whoami.`,
          [node.address]
        ))
      }
    }
    const users = [...new Set(given.map(({ value }) => value.user))].join(", ")
    return orOk(
      [...joined(findings), ...missing],
      given.length,
      `the user ${users} may run all that is needed for: ${facts.wishes.features.join(", ")}`
    )
  }
}
