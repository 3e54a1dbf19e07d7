/** Folders that hold nothing of the project's own, beside hidden ones. */
const NOT_OURS = ["node_modules", "npm", "out", "dist"];

/** The project's files, by their paths from its folder, or from one below it. */
export async function projectFiles(root: string, inside = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${inside}`)) {
    if (name.startsWith(".") || NOT_OURS.includes(name)) continue;
    const path = inside + name;
    if (isDirectory) found.push(...await projectFiles(root, `${path}/`));
    else found.push(path);
  }
  return found.sort();
}
