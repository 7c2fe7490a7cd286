/** Accounts of the site, and what each may have. */

import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";
import { site } from "../../api/site.ts";
import type { Account, Quotas } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { when } from "../../logic/format.ts";
import { quotaChanges } from "../../logic/quotas.ts";
import { text } from "../../strings/index.ts";
import { Ask, FormDialog } from "../../ui/dialog.tsx";
import { type Column, List } from "../../ui/list.tsx";
import { Shown } from "../../ui/states.tsx";

const says = text.operator.accounts;

type Asks = { what: "create" } | { what: "quotas" | "delete"; account: Account };

/** The page. */
export default function AccountsPage() {
  const live = useLive("operator accounts", () => site.get<{ accounts: Account[] }>("operator/accounts"));
  const [asks, setAsks] = useState<Asks>();
  const close = (): void => setAsks(undefined);
  const columns: Column<Account>[] = [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      sortingField: "name",
      cell: (account) => account.name,
    },
    { id: "id", header: says.id, cell: (account) => <code>{account.id}</code> },
    { id: "people", header: says.people, narrow: true, sortingField: "people", cell: (account) => account.people },
    {
      id: "instances",
      header: says.computers,
      sortingField: "instances",
      cell: (account) => account.instances,
    },
    { id: "created", header: says.created, cell: (account) => when(account.createdAt) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (account) => (
        <ButtonDropdown
          variant="inline-icon"
          ariaLabel={text.common.actionsOf(account.name)}
          expandToViewport
          items={[
            { id: "quotas", text: says.quotas },
            { id: "delete", text: says.delete },
          ]}
          onItemClick={({ detail }) => setAsks({ what: detail.id as "quotas", account })}
        />
      ),
    },
  ];
  return (
    <>
      <List
        live={{ ...live, data: live.data?.accounts }}
        title={text.pages.accounts}
        description={says.says}
        columns={columns}
        idOf={(account) => account.id}
        search={(account) => `${account.name} ${account.id}`}
        sortedBy="name"
        variant="full-page"
        empty={{ title: says.none }}
        actions={
          <Button variant="primary" onClick={() => setAsks({ what: "create" })}>
            {says.create}
          </Button>
        }
      />
      {asks?.what === "create" ? <Create close={close} /> : null}
      {asks?.what === "quotas" ? <QuotasDialog account={asks.account} close={close} /> : null}
      {asks?.what === "delete" ? (
        <Ask
          title={says.deleteTitle(asks.account.name)}
          loses={[says.deleteLoses]}
          keeps={[says.deleteKeeps]}
          confirm={says.delete}
          done={says.deleted(asks.account.name)}
          work={() => site.delete(`operator/accounts/${encodeURIComponent(asks.account.id)}`)}
          close={close}
        />
      ) : null}
    </>
  );
}

function Create({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  return (
    <FormDialog
      title={says.create}
      submit={says.create}
      done={says.made(name)}
      disabled={name.trim() === ""}
      work={() => site.post("operator/accounts", { name: name.trim() })}
      close={close}
    >
      {(fault) => (
        <FormField label={says.name} errorText={fault("name")}>
          <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
        </FormField>
      )}
    </FormDialog>
  );
}

function QuotasDialog({ account, close }: { account: Account; close: () => void }) {
  const path = `operator/accounts/${encodeURIComponent(account.id)}/quotas`;
  const live = useLive(`quotas ${account.id}`, () => site.get<{ quotas: Quotas }>(path), { still: true });
  const [written, setWritten] = useState<Record<string, string>>({});
  const changes = quotaChanges(live.data?.quotas ?? {}, written);
  const work = async (): Promise<void> => {
    await site.put(path, changes);
    live.reload();
  };
  return (
    <FormDialog
      title={says.quotasTitle(account.name)}
      submit={text.common.save}
      done={says.quotasSaved(account.name)}
      disabled={changes === undefined || Object.keys(changes).length === 0}
      work={work}
      close={close}
    >
      {(fault) => (
        <Shown live={live}>
          {({ quotas }) => (
            <div className="fields">
              {Object.entries(quotas).map(([name, quota]) => (
                <FormField
                  key={name}
                  label={says.quotaNames[name] ?? name}
                  description={says.default(quota.default)}
                  errorText={fault(name)}
                >
                  <Input
                    type="number"
                    inputMode="numeric"
                    placeholder={String(quota.default)}
                    value={written[name] ?? (quota.isOwn ? String(quota.value) : "")}
                    onChange={({ detail }) => setWritten({ ...written, [name]: detail.value })}
                  />
                </FormField>
              ))}
            </div>
          )}
        </Shown>
      )}
    </FormDialog>
  );
}
