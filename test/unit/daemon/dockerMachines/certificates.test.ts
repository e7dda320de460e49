import { createPrivateKey, X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import {
  createAuthority,
  fingerprintOf,
  issueClient,
  issueServer,
} from "../../../../src/daemon/dockerMachines/certificates.ts";

const NOW = Date.UTC(2026, 10, 25);

it("makes an authority, a server on loopback and clients, which fit together and nothing else", () => {
  const authority = createAuthority(NOW);
  const server = issueServer(authority, NOW);
  const clients = [issueClient(authority, "one", NOW), issueClient(authority, "one", NOW)];
  const ca = new X509Certificate(authority.certPem);
  const stranger = new X509Certificate(createAuthority(NOW).certPem);

  expect(ca.ca).toBe(true);
  for (const { certPem, keyPem } of [server, ...clients]) {
    const certificate = new X509Certificate(certPem);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.verify(stranger.publicKey)).toBe(false);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(certificate.validFromDate.getTime()).toBeLessThan(NOW);
    expect(certificate.validToDate.getTime()).toBeGreaterThan(NOW + 365 * 86_400_000);
  }
  const shown = new X509Certificate(server.certPem);
  expect([shown.checkIP("127.0.0.1"), shown.checkIP("127.0.0.2")]).toEqual(["127.0.0.1", undefined]);
  // serverAuth and clientAuth, of RFC 5280, 4.2.1.12: neither is good for the other's part.
  expect(shown.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  expect(new X509Certificate(clients[0]?.certPem ?? "").keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(new Set(clients.map(({ certPem }) => fingerprintOf(certPem))).size).toBe(2);
});
