/** The commands of a page: each line of its boxes that are marked `sh`, with the heading they stand under. */
export interface Block {
  heading: string;
  lines: string[];
}

export function commandBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let open: Block | undefined;
  for (const line of markdown.split('\n')) {
    if (open !== undefined) {
      if (line.startsWith('```')) open = undefined;
      else if (line.trim() !== '') open.lines.push(line);
    } else if (line.startsWith('```sh')) {
      open = { heading, lines: [] };
      blocks.push(open);
    } else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
  }
  return blocks;
}
