/** The protocol in which a process's streams share a connection. */
export const EXEC_PROTOCOL = "mayfly-exec";
/** The protocol that is whatever the Docker engine speaks. */
export const FORWARD_PROTOCOL = "mayfly-forward";
