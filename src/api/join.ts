import type { Duplex } from "node:stream";

/** Joins two streams, each end of one ending that direction of the other, until both directions are done. */
export function joinStreams(connection: Duplex, engine: Duplex): void {
  engine.on("error", () => connection.destroy());
  engine.on("close", () => {
    if (!engine.readableEnded) connection.destroy();
  });
  connection.on("close", () => engine.destroy());
  connection.pipe(engine).pipe(connection);
}
