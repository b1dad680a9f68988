/**
 * A certificate authority and one certificate for 127.0.0.1, made for a single run.
 *
 * Node can sign but not write X.509, so the few DER structures needed are put together here: the tests then depend on
 * neither an `openssl` command nor a package.
 */
import * as Crypto from "node:crypto"

/** PEM texts: the authority to trust, and a certificate with its key that serves for servers and for clients. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

const tlv = (tag: number, ...contents: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(contents)
  const size = content.length
  const length = size < 0x80
    ? [size]
    : size < 0x100
    ? [0x81, size]
    : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...contents: ReadonlyArray<Uint8Array>) => tlv(0x30, ...contents)
const objectId = (...bytes: ReadonlyArray<number>) => tlv(0x06, Buffer.from(bytes))
const bitString = (bytes: Uint8Array) => tlv(0x03, Buffer.from([0]), bytes)
const octetString = (bytes: Uint8Array) => tlv(0x04, bytes)
const boolean = (value: boolean) => tlv(0x01, Buffer.from([value ? 0xff : 0]))
const time = (date: Date) => tlv(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`))
const name = (commonName: string) =>
  sequence(tlv(0x31, sequence(objectId(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(commonName)))))

const ecdsaWithSha256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const basicConstraints = (authority: boolean) =>
  sequence(
    objectId(0x55, 0x1d, 0x13),
    boolean(true),
    octetString(authority ? sequence(boolean(true)) : sequence())
  )
const subjectAlternativeNames = sequence(
  objectId(0x55, 0x1d, 0x11),
  octetString(sequence(
    tlv(0x82, Buffer.from("localhost")),
    tlv(0x87, Buffer.from([127, 0, 0, 1])),
    tlv(0x87, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]))
  ))
)

const day = 24 * 60 * 60 * 1000

const certificate = (options: {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: Crypto.KeyObject
  readonly signingKey: Crypto.KeyObject
  readonly extensions: ReadonlyArray<Uint8Array>
}): string => {
  const now = Date.now()
  const serial = Crypto.randomBytes(16)
  serial[0] = (serial[0] & 0x7f) | 0x40
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    name(options.issuer),
    sequence(time(new Date(now - day)), time(new Date(now + 30 * day))),
    name(options.subject),
    options.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...options.extensions))
  )
  const signature = Crypto.sign("sha256", toBeSigned, options.signingKey)
  const der = sequence(toBeSigned, ecdsaWithSha256, bitString(signature))
  return `-----BEGIN CERTIFICATE-----\n${
    der.toString("base64").replaceAll(/.{1,64}/g, "$&\n")
  }-----END CERTIFICATE-----\n`
}

/** Makes new keys, an authority and a certificate signed by it for 127.0.0.1, ::1 and localhost. */
export const make = (): Certificates => {
  const authority = Crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const server = Crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const issuer = "Test authority"
  return {
    ca: certificate({
      subject: issuer,
      issuer,
      publicKey: authority.publicKey,
      signingKey: authority.privateKey,
      extensions: [basicConstraints(true)]
    }),
    certificate: certificate({
      subject: "Test server",
      issuer,
      publicKey: server.publicKey,
      signingKey: authority.privateKey,
      extensions: [basicConstraints(false), subjectAlternativeNames]
    }),
    key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  }
}
