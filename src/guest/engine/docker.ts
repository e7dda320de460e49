import type { Agent } from "node:http";
import Docker from "dockerode";

/** A Docker client whose connections are its agent's, and which takes nothing from the environment (DOCKER_HOST and its kin). */
export function createDocker(agent: Agent): Docker {
  return new Docker({
    protocol: "http",
    host: "engine",
    port: 80,
    agent,
    timeout: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  } as Docker.DockerOptions);
}
