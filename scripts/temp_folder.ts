/** An empty folder, which goes at the end of the block that has it: `await using`. */
export async function tempFolder(
  options: Deno.MakeTempOptions = {},
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "davit_", ...options });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Runs something in an empty folder, which goes with it. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  await using folder = await tempFolder();
  return await run(await Deno.realPath(folder.path));
}
