import { describe, expect, it } from "vitest";
import { serviceAliases } from "../../../../src/jobs/image/aliases.ts";
import { registryAuthFrom } from "../../../../src/jobs/image/auth.ts";
import { isDindImage, taggedName } from "../../../../src/jobs/image/reference.ts";

describe("serviceAliases", () => {
  it.each([
    ["nginx", [], ["nginx"]],
    ["docker:dind", [], ["docker"]],
    ["docker:24.0.7-dind", ["dockerd"], ["docker", "dockerd"]],
    ["tutum/wordpress:latest", [], ["tutum__wordpress", "tutum-wordpress"]],
    ["registry.example.com/group/db:1", [], ["registry.example.com__group__db", "registry.example.com-group-db"]],
    ["registry.example.com:5000/db:1", [], ["registry.example.com__db", "registry.example.com-db"]],
    ["localhost:5000/db", [], ["localhost__db", "localhost-db"]],
    [`db@sha256:${"0".repeat(64)}`, [], ["db"]],
    [`group/db:1@sha256:${"0".repeat(64)}`, [], ["group__db", "group-db"]],
    ["nginx", ["web www,site", "web"], ["nginx", "web", "www", "site"]],
  ])("of %s with %j are %j", (name, aliases, expected) => {
    expect(serviceAliases({ name, aliases })).toEqual(expected);
  });
});

describe("taggedName", () => {
  it.each([
    ["nginx", "nginx:latest"],
    ["nginx:1", "nginx:1"],
    ["localhost:5000/nginx", "localhost:5000/nginx:latest"],
    ["nginx@sha256:0", "nginx@sha256:0"],
  ])("of %s is %s", (image, expected) => {
    expect(taggedName(image)).toBe(expected);
  });
});

describe("isDindImage", () => {
  it.each([
    ["docker:dind", true],
    ["docker:24.0.7-dind-rootless", true],
    ["registry.example.com:5000/mirror/docker:dind", true],
    ["group/docker-dind:1", true],
    ["docker:24.0.7", false],
    ["nginx:dind", false],
    ["dind/app:1", false],
  ])("of %s is %s", (image, expected) => {
    expect(isDindImage(image)).toBe(expected);
  });
});

describe("registryAuthFrom", () => {
  const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });
  const config = JSON.stringify({
    auths: {
      "https://index.docker.io/v1/": auth("hub:a:b"),
      "registry.example.com:5000": auth("host:x"),
      "registry.example.com:5000/group": { username: "group", password: "y" },
    },
  });

  it.each([
    ["nginx", "hub"],
    ["someone/app:1", "hub"],
    ["docker.io/library/nginx", "hub"],
    ["registry.example.com:5000/app", "host"],
    ["registry.example.com:5000/group/app", "group"],
    ["registry.example.com:5000/groups/app", "host"],
    ["registry.example.com/app", undefined],
    ["quay.io/app", undefined],
  ])("gives %s the credentials of %s", (image, username) => {
    expect(registryAuthFrom(config, image)?.username).toBe(username);
  });

  it("keeps colons in passwords", () => {
    expect(registryAuthFrom(config, "nginx")?.password).toBe("a:b");
  });

  it("tells a broken config without quoting it", () => {
    expect(() => registryAuthFrom('{"auths": s3cret', "nginx")).toThrow(
      /^DOCKER_AUTH_CONFIG is not a Docker config in JSON$/,
    );
  });
});
