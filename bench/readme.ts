const README = new URL("./README.md", import.meta.url);

/** Writes a text between its two marks in the README of this folder. */
export async function writeInReadme(what: "figures" | "grades", text: string): Promise<void> {
  const readme = await Deno.readTextFile(README);
  const [begin, end] = [`<!-- ${what} -->`, `<!-- end of ${what} -->`];
  const [start, stop] = [readme.indexOf(begin), readme.indexOf(end)];
  if (start < 0 || stop < start) throw new Error("Cannot write: bench/README.md has no marks");
  const head = readme.slice(0, start + begin.length);
  await Deno.writeTextFile(README, `${head}\n\n${text}\n\n${readme.slice(stop)}`);
}
