/** Who did what, from where. */

import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { queryOf, site } from "../../api/site.ts";
import type { Account, AuditEntry } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { when } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { type Column, List } from "../../ui/list.tsx";
import { useNarrow } from "../../ui/width.ts";

const says = text.operator.audit;
const PAGE_ROWS = 100;

interface Entries {
  entries: AuditEntry[];
  next: string | null;
}

const read = (account: string, before: string | undefined): Promise<Entries> =>
  site.get<Entries>(`operator/audit${queryOf({ account, before, limit: PAGE_ROWS })}`);

/** The page. */
export default function AuditPage() {
  const accounts =
    useLive("operator accounts", () => site.get<{ accounts: Account[] }>("operator/accounts")).data?.accounts ?? [];
  const [account, setAccount] = useState("");
  const live = useLive(`operator audit ${account}`, () => read(account, undefined), { everyMs: 30_000 });
  const [older, setOlder] = useState<{ of: string } & Entries>();
  // What was read further down belongs to one beginning and one account; another beginning starts anew.
  const first = live.data;
  const continued = older !== undefined && older.of === account ? older : undefined;
  const entries = first === undefined ? undefined : merged(first.entries, continued?.entries ?? []);
  const next = continued === undefined ? (first?.next ?? null) : continued.next;
  const more = () =>
    act(async () => {
      const page = await read(account, next ?? undefined);
      setOlder({ of: account, entries: merged(continued?.entries ?? [], page.entries), next: page.next });
    });
  const options = [
    { value: "", label: says.all },
    ...accounts.map((found) => ({ value: found.id, label: found.name })),
  ];
  const narrow = useNarrow();
  const columns: Column<AuditEntry>[] = [
    { id: "at", header: says.at, isRowHeader: true, narrow: true, cell: (entry) => when(entry.at) },
    { id: "actor", header: says.actor, narrow: true, cell: (entry) => <Actor entry={entry} narrow={narrow} /> },
    { id: "action", header: says.action, cell: (entry) => <code>{entry.action}</code> },
    { id: "target", header: says.target, cell: (entry) => entry.target },
    { id: "account", header: says.account, cell: (entry) => entry.account?.name ?? text.common.none },
    { id: "from", header: says.from, cell: (entry) => entry.from },
    { id: "outcome", header: says.outcome, cell: (entry) => entry.outcome },
  ];
  return (
    <SpaceBetween size="m">
      <List
        live={{ ...live, data: entries }}
        title={text.pages.audit}
        description={says.says}
        columns={columns}
        idOf={(entry) => entry.id}
        search={(entry) => `${entry.actor} ${entry.action} ${entry.target} ${entry.from} ${entry.outcome}`}
        variant="full-page"
        pageSize={50}
        empty={{ title: says.none }}
        actions={
          <Select
            ariaLabel={says.account}
            selectedOption={options.find((option) => option.value === account) ?? null}
            options={options}
            onChange={({ detail }) => setAccount(detail.selectedOption.value ?? "")}
          />
        }
      />
      {next === null ? null : <Button onClick={() => void more()}>{says.older}</Button>}
    </SpaceBetween>
  );
}

/** Who it was, and below it what they did where there is no room for a column. */
function Actor({ entry, narrow }: { entry: AuditEntry; narrow: boolean }) {
  return narrow ? (
    <>
      <code>{entry.actor}</code>
      <br />
      <code>{entry.action}</code> {entry.target}
    </>
  ) : (
    entry.actor
  );
}

/** Puts two parts of the log together; an entry of both is there once. */
export function merged(newer: readonly AuditEntry[], older: readonly AuditEntry[]): AuditEntry[] {
  const known = new Set(newer.map((entry) => entry.id));
  return [...newer, ...older.filter((entry) => !known.has(entry.id))];
}
