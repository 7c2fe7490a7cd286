/** People of the site. */

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { site } from "../../api/site.ts";
import type { Account, Person, Role } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { when } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { act } from "../../ui/action.ts";
import { Ask, FormDialog, TellDialog } from "../../ui/dialog.tsx";
import { type Column, List } from "../../ui/list.tsx";
import { Copied } from "../../ui/once.tsx";

const says = text.operator.people;
const ROLES: Role[] = ["researcher", "operator"];

type Asks = { what: "create" } | { what: "change" | "disable" | "delete"; person: Person };
type Link = { person: string; url: string; expiresAt: number };

const pathOf = (person: Person): string => `operator/people/${encodeURIComponent(person.id)}`;

/** The page. */
export default function PeoplePage() {
  const live = useLive("operator people", () => site.get<{ people: Person[] }>("operator/people"));
  const accounts =
    useLive("operator accounts", () => site.get<{ accounts: Account[] }>("operator/accounts")).data?.accounts ?? [];
  const [asks, setAsks] = useState<Asks>();
  const [link, setLink] = useState<Link>();
  const close = (): void => setAsks(undefined);
  const make = (person: Person) =>
    act(async () => {
      const made = await site.post<Omit<Link, "person">>(`${pathOf(person)}/link`);
      setLink({ ...made, person: person.name });
    });
  const enable = (person: Person) =>
    act(() => site.patch(pathOf(person), { disabled: false }), says.enabled(person.name));
  return (
    <>
      <List
        live={{ ...live, data: live.data?.people }}
        title={text.pages.people}
        description={says.says}
        columns={columnsOf((what, person) => {
          if (what === "link") {
            void make(person);
          } else if (what === "enable") {
            void enable(person);
          } else {
            setAsks({ what, person });
          }
        })}
        idOf={(person) => person.id}
        search={(person) => `${person.name} ${person.account.name} ${person.role}`}
        sortedBy="name"
        variant="full-page"
        empty={{ title: says.none }}
        actions={
          <Button variant="primary" onClick={() => setAsks({ what: "create" })}>
            {says.create}
          </Button>
        }
      />
      {asks?.what === "create" ? (
        <Create accounts={accounts} close={close} made={(person) => void make(person)} />
      ) : null}
      {asks?.what === "change" ? <Change person={asks.person} accounts={accounts} close={close} /> : null}
      {asks?.what === "disable" ? (
        <Ask
          title={says.disableTitle(asks.person.name)}
          loses={[says.disableLoses]}
          keeps={[says.disableKeeps]}
          confirm={says.disable}
          done={says.disabled(asks.person.name)}
          work={() => site.patch(pathOf(asks.person), { disabled: true })}
          close={close}
        />
      ) : null}
      {asks?.what === "delete" ? (
        <Ask
          title={says.deleteTitle(asks.person.name)}
          loses={[says.deleteLoses]}
          keeps={[says.deleteKeeps]}
          confirm={says.delete}
          done={says.deleted(asks.person.name)}
          work={() => site.delete(pathOf(asks.person))}
          close={close}
        />
      ) : null}
      {link === undefined ? null : (
        <TellDialog title={says.linkTitle(link.person)} close={() => setLink(undefined)}>
          <SpaceBetween size="m">
            <p>{says.linkSays(when(link.expiresAt))}</p>
            <Copied label={says.link} value={link.url} />
          </SpaceBetween>
        </TellDialog>
      )}
    </>
  );
}

function columnsOf(
  ask: (what: "link" | "enable" | "change" | "disable" | "delete", person: Person) => void,
): Column<Person>[] {
  return [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      sortingField: "name",
      cell: (person) => person.name,
    },
    { id: "role", header: says.role, narrow: true, sortingField: "role", cell: (person) => text.roles[person.role] },
    { id: "account", header: says.account, cell: (person) => person.account.name },
    {
      id: "state",
      header: says.state,
      cell: (person) => (
        <StatusIndicator type={person.disabled ? "stopped" : "success"}>
          {person.disabled ? says.isDisabled : says.isEnabled}
        </StatusIndicator>
      ),
    },
    {
      id: "by",
      header: says.signsInBy,
      cell: (person) => (person.external ? says.provider : person.hasPassword ? says.password : says.noPassword),
    },
    { id: "last", header: says.lastSignIn, cell: (person) => when(person.lastSignInAt) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (person) => (
        <ButtonDropdown
          variant="inline-icon"
          ariaLabel={text.common.actionsOf(person.name)}
          expandToViewport
          items={[
            { id: "link", text: says.makeLink, disabled: person.disabled },
            { id: "change", text: says.change },
            person.disabled ? { id: "enable", text: says.enable } : { id: "disable", text: says.disable },
            { id: "delete", text: says.delete },
          ]}
          onItemClick={({ detail }) => ask(detail.id as "link", person)}
        />
      ),
    },
  ];
}

interface PersonFieldsProps {
  accounts: Account[];
  accountId: string;
  role: Role;
  setAccount: (id: string) => void;
  setRole: (role: Role) => void;
  fault: (field: string) => string | undefined;
}

function PersonFields({ accounts, accountId, role, setAccount, setRole, fault }: PersonFieldsProps) {
  const options = accounts.map((account) => ({ value: account.id, label: account.name }));
  return (
    <>
      <FormField label={says.account} errorText={fault("accountId")}>
        <Select
          selectedOption={options.find((option) => option.value === accountId) ?? null}
          options={options}
          filteringType="auto"
          empty={says.noAccounts}
          onChange={({ detail }) => setAccount(detail.selectedOption.value ?? "")}
        />
      </FormField>
      <FormField label={says.role} description={says.roleSays} errorText={fault("role")}>
        <Select
          selectedOption={{ value: role, label: text.roles[role] }}
          options={ROLES.map((value) => ({ value, label: text.roles[value] }))}
          onChange={({ detail }) => setRole(detail.selectedOption.value as Role)}
        />
      </FormField>
    </>
  );
}

function Create({ accounts, close, made }: { accounts: Account[]; close: () => void; made: (person: Person) => void }) {
  const [name, setName] = useState("");
  const [chosen, setAccount] = useState("");
  const [role, setRole] = useState<Role>("researcher");
  const accountId = chosen === "" ? (accounts[0]?.id ?? "") : chosen;
  const work = async (): Promise<void> => made(await site.post<Person>("operator/people", { name, accountId, role }));
  return (
    <FormDialog
      title={says.create}
      submit={says.create}
      done={says.created(name)}
      disabled={name === "" || accountId === ""}
      work={work}
      close={close}
    >
      {(fault) => (
        <>
          <FormField label={says.name} description={says.nameSays} errorText={fault("name")}>
            <Input
              value={name}
              onChange={({ detail }) => setName(detail.value)}
              spellcheck={false}
              autoComplete={false}
            />
          </FormField>
          <PersonFields
            accounts={accounts}
            accountId={accountId}
            role={role}
            setAccount={setAccount}
            setRole={setRole}
            fault={fault}
          />
          <Box color="text-body-secondary">{says.createSays}</Box>
        </>
      )}
    </FormDialog>
  );
}

function Change({ person, accounts, close }: { person: Person; accounts: Account[]; close: () => void }) {
  const [accountId, setAccount] = useState(person.account.id);
  const [role, setRole] = useState<Role>(person.role);
  const work = () => site.patch(pathOf(person), { accountId, role });
  return (
    <FormDialog
      title={says.changeTitle(person.name)}
      submit={text.common.save}
      done={says.changed(person.name)}
      work={work}
      close={close}
    >
      {(fault) => (
        <>
          <PersonFields
            accounts={accounts}
            accountId={accountId}
            role={role}
            setAccount={setAccount}
            setRole={setRole}
            fault={fault}
          />
          <Box color="text-body-secondary">{says.changeSays}</Box>
        </>
      )}
    </FormDialog>
  );
}
