/**
 * The words that start the agent, after Node, and the environment beside that of the caller; bundles it when its sources changed.
 * @param root folder of the repository @param node the Node that will run it
 */
export declare const agentLaunch: (
  root: string,
  node: string,
) => { readonly words: readonly string[]; readonly environment: Readonly<Record<string, string>> };
