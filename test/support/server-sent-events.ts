/** One event as it came. */
export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads server-sent events until `isEnough` says so, then leaves; `text` is all that came, comments too. */
export const readEvents = async (
  response: Response,
  isEnough: (events: readonly ReceivedEvent[], text: string) => boolean,
): Promise<readonly ReceivedEvent[]> => {
  const events: ReceivedEvent[] = [];
  let text = '';
  let rest = '';
  if (response.body === null) return events;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    rest += chunk;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const data = fields.get('data');
      if (data !== undefined)
        events.push({ id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) });
    }
    if (isEnough(events, text)) break;
  }
  return events;
};
