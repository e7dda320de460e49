import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import * as asn1 from "@peculiar/asn1-x509";
import type { EpochMs } from "../../domain/ids.ts";

/** ECDSA with SHA-256. Source: RFC 5758, 3.2. */
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
/** commonName. Source: RFC 5280, appendix A.1. */
const COMMON_NAME = "2.5.4.3";
const DAY_MS = 86_400_000;
/** Clocks of a host that is set back do not make a certificate one of the future. */
const BEFORE_MS = DAY_MS;
/** Longer than any machine lives: what ends a certificate is that its machine ends. */
const LIFE_MS = 10 * 365 * DAY_MS;
const CA_NAME = "mayfly docker-machine";

/** A certificate with its private key, both in PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes an authority of its own, which can vouch for peers and for no other authority. */
export function createAuthority(now: EpochMs): Identity {
  const pair = newPair();
  const certificate = issue(CA_NAME, pair.publicKey, { privateKey: pair.privateKey, publicKey: pair.publicKey }, now, [
    extension(asn1.id_ce_basicConstraints, true, new asn1.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(asn1.id_ce_keyUsage, true, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign)),
    extension(asn1.id_ce_subjectKeyIdentifier, false, new asn1.SubjectKeyIdentifier(keyIdOf(pair.publicKey))),
  ]);
  return identityFrom(certificate, pair.privateKey);
}

/** Issues the certificate of who listens on 127.0.0.1. */
export function issueServer(authority: Identity, now: EpochMs): Identity {
  const names = [new asn1.GeneralName({ iPAddress: "127.0.0.1" }), new asn1.GeneralName({ dNSName: "localhost" })];
  const altNames = extension(asn1.id_ce_subjectAltName, false, new asn1.SubjectAlternativeName(names));
  return issuePeer(authority, "127.0.0.1", asn1.id_kp_serverAuth, now, [altNames]);
}

/** Issues the certificate of who may speak to one machine's engine. */
export const issueClient = (authority: Identity, subject: string, now: EpochMs): Identity =>
  issuePeer(authority, subject, asn1.id_kp_clientAuth, now, []);

/** Names a certificate: the SHA-256 of its DER, as TLS sockets tell it of their peer's. */
export const fingerprintOf = (certPem: string): string => new X509Certificate(certPem).fingerprint256;

function issuePeer(
  authority: Identity,
  subject: string,
  purpose: string,
  now: EpochMs,
  more: readonly asn1.Extension[],
): Identity {
  const pair = newPair();
  const ca = new X509Certificate(authority.certPem);
  const issuer = { privateKey: authority.keyPem, publicKey: ca.publicKey };
  const certificate = issue(subject, pair.publicKey, issuer, now, [
    extension(asn1.id_ce_basicConstraints, true, new asn1.BasicConstraints({ cA: false })),
    extension(asn1.id_ce_keyUsage, true, new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature)),
    extension(asn1.id_ce_extKeyUsage, false, new asn1.ExtendedKeyUsage([purpose])),
    extension(
      asn1.id_ce_authorityKeyIdentifier,
      false,
      new asn1.AuthorityKeyIdentifier({ keyIdentifier: new asn1.KeyIdentifier(keyIdOf(ca.publicKey)) }),
    ),
    ...more,
  ]);
  return identityFrom(certificate, pair.privateKey);
}

interface Issuer {
  readonly privateKey: KeyObject | string;
  readonly publicKey: KeyObject;
}

function issue(
  subject: string,
  publicKey: KeyObject,
  issuer: Issuer,
  now: EpochMs,
  extensions: readonly asn1.Extension[],
): X509Certificate {
  const algorithm = new asn1.AlgorithmIdentifier({ algorithm: ECDSA_SHA256 });
  const serial = randomBytes(16);
  // A serial number is a positive integer that begins with no needless zero.
  serial.writeUInt8((serial.readUInt8() & 0x7f) | 0x40);
  const tbsCertificate = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: bufferFrom(serial),
    signature: algorithm,
    issuer: nameFrom(CA_NAME),
    subject: nameFrom(subject),
    validity: new asn1.Validity({ notBefore: new Date(now - BEFORE_MS), notAfter: new Date(now + LIFE_MS) }),
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: "spki", format: "der" }),
      asn1.SubjectPublicKeyInfo,
    ),
    extensions: new asn1.Extensions([...extensions]),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), issuer.privateKey);
  const certificate = new asn1.Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: bufferFrom(signature),
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)));
}

const newPair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

const nameFrom = (commonName: string): asn1.Name =>
  new asn1.Name([
    new asn1.RelativeDistinguishedName([
      new asn1.AttributeTypeAndValue({
        type: COMMON_NAME,
        value: new asn1.AttributeValue({ utf8String: commonName }),
      }),
    ]),
  ]);

const extension = (extnID: string, critical: boolean, value: unknown): asn1.Extension =>
  new asn1.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });

/** Names a key by the hash of it. Source: RFC 7093, 2, method 1. */
const keyIdOf = (publicKey: KeyObject): ArrayBuffer =>
  bufferFrom(
    createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest()
      .subarray(0, 20),
  );

/** A buffer of these bytes alone: Node's own ones share theirs. */
const bufferFrom = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function identityFrom(certificate: X509Certificate, key: KeyObject): Identity {
  return {
    certPem: certificate.toString(),
    keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
