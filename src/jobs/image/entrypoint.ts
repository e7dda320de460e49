/** An entrypoint as the engine takes it: an empty one must be spelled `[""]`, or the image's own would stay. */
export function clearedEntrypoint(entrypoint: readonly string[] | undefined): readonly string[] | undefined {
  return entrypoint?.length === 0 ? [""] : entrypoint;
}
