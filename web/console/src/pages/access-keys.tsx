/** Access keys: for programs that call the API without a browser. */

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { site } from "../api/site.ts";
import type { AccessKey, NewAccessKey } from "../api/types.ts";
import { useLive } from "../live/query.ts";
import { useValue } from "../live/value.ts";
import { when } from "../logic/format.ts";
import { POLICIES, type PolicyName, policyFor } from "../logic/policies.ts";
import { type Snippet, snippetsOf } from "../logic/snippets.ts";
import { text } from "../strings/index.ts";
import { Ask, FormDialog, TellDialog } from "../ui/dialog.tsx";
import { type Column, List } from "../ui/list.tsx";
import { Code, Copied } from "../ui/once.tsx";
import { Shown } from "../ui/states.tsx";
import { theSite } from "../who.ts";

const says = text.accessKeys;

type Asks = { what: "create" } | { what: "restrict" | "rename" | "revoke"; key: AccessKey };

/** The page. */
export default function AccessKeysPage() {
  const live = useLive("access keys", () => site.get<{ keys: AccessKey[] }>("access-keys"), { everyMs: 60_000 });
  const [asks, setAsks] = useState<Asks>();
  const [made, setMade] = useState<NewAccessKey>();
  const close = (): void => setAsks(undefined);
  const changed = (): void => live.reload();
  return (
    <SpaceBetween size="l">
      <List
        live={{ ...live, data: live.data?.keys }}
        title={text.pages.accessKeys}
        description={says.says}
        columns={columnsOf(setAsks)}
        idOf={(key) => key.accessKeyId}
        variant="full-page"
        empty={{ title: says.none, says: says.noneSays }}
        actions={
          <Button variant="primary" onClick={() => setAsks({ what: "create" })}>
            {says.create}
          </Button>
        }
      />
      <Snippets id={made?.accessKeyId} secret={made?.secretAccessKey} />
      {asks?.what === "create" ? <Create close={close} made={setMade} changed={changed} /> : null}
      {asks?.what === "restrict" ? <Restrict accessKey={asks.key} close={close} changed={changed} /> : null}
      {asks?.what === "rename" ? <Rename accessKey={asks.key} close={close} changed={changed} /> : null}
      {asks?.what === "revoke" ? <Revoke accessKey={asks.key} close={close} changed={changed} /> : null}
      {made === undefined ? null : (
        <TellDialog title={says.made} close={() => setMade(undefined)} size="large">
          <SpaceBetween size="m">
            <Alert type="warning">{says.once}</Alert>
            <Copied label={says.id} value={made.accessKeyId} />
            <Copied label={says.secret} value={made.secretAccessKey} secret />
            <Snippets id={made.accessKeyId} secret={made.secretAccessKey} />
          </SpaceBetween>
        </TellDialog>
      )}
    </SpaceBetween>
  );
}

function columnsOf(ask: (asks: Asks) => void): Column<AccessKey>[] {
  return [
    { id: "id", header: says.id, isRowHeader: true, narrow: true, cell: (key) => <code>{key.accessKeyId}</code> },
    { id: "description", header: says.description, cell: (key) => key.description },
    {
      id: "status",
      minWidth: 110,
      header: says.status,
      narrow: true,
      cell: (key) => (
        <StatusIndicator type={key.status === "active" ? "success" : "stopped"}>
          {says.statuses[key.status]}
        </StatusIndicator>
      ),
    },
    { id: "policy", header: says.may, cell: (key) => (key.policy === null ? says.everything : says.restricted) },
    { id: "by", header: says.createdBy, cell: (key) => key.createdBy ?? text.common.none },
    { id: "created", header: says.created, cell: (key) => when(key.createdAt) },
    { id: "used", header: says.used, cell: (key) => (key.lastUsedAt === null ? says.never : when(key.lastUsedAt)) },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (key) =>
        key.status === "revoked" ? null : (
          <ButtonDropdown
            variant="inline-icon"
            ariaLabel={text.common.actionsOf(key.accessKeyId)}
            expandToViewport
            items={[
              { id: "restrict", text: says.restrict },
              { id: "rename", text: says.rename },
              { id: "revoke", text: says.revoke },
            ]}
            onItemClick={({ detail }) => ask({ what: detail.id as "restrict", key })}
          />
        ),
    },
  ];
}

function Create({
  close,
  made,
  changed,
}: {
  close: () => void;
  made: (key: NewAccessKey) => void;
  changed: () => void;
}) {
  const [description, setDescription] = useState("");
  const [policy, setPolicy] = useState("");
  const work = async (): Promise<void> => {
    made(
      await site.post<NewAccessKey>("access-keys", policy.trim() === "" ? { description } : { description, policy }),
    );
    changed();
  };
  return (
    <FormDialog title={says.create} submit={says.create} work={work} close={close} size="large">
      {(fault) => (
        <>
          <FormField label={says.description} description={says.descriptionSays} errorText={fault("description")}>
            <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
          </FormField>
          <PolicyField policy={policy} change={setPolicy} fault={fault("policy")} />
        </>
      )}
    </FormDialog>
  );
}

function PolicyField({
  policy,
  change,
  fault,
}: {
  policy: string;
  change: (policy: string) => void;
  fault: string | undefined;
}) {
  const [chosen, setChosen] = useState<PolicyName>(policy === "" ? "everything" : "own");
  const schema = useLive("policy schema", () => site.get<{ schema: string }>("policy-schema"), { still: true });
  const options = POLICIES.map((value) => ({
    value,
    label: says.policies[value],
    description: says.policySays[value],
  }));
  return (
    <>
      <FormField label={says.may}>
        <Select
          selectedOption={options.find((option) => option.value === chosen) ?? null}
          options={options}
          onChange={({ detail }) => {
            const name = detail.selectedOption.value as PolicyName;
            setChosen(name);
            change(policyFor(name) ?? policy);
          }}
        />
      </FormField>
      {chosen === "everything" ? null : (
        <>
          <FormField label={says.policy} description={says.policyText} errorText={fault} stretch>
            <Textarea value={policy} rows={10} spellcheck={false} onChange={({ detail }) => change(detail.value)} />
          </FormField>
          <ExpandableSection headerText={says.schema}>
            <Shown live={schema}>{(found) => <Code label={says.schema} value={found.schema} />}</Shown>
          </ExpandableSection>
        </>
      )}
    </>
  );
}

interface KeyProps {
  accessKey: AccessKey;
  close: () => void;
  changed: () => void;
}

const pathOf = (key: AccessKey): string => `access-keys/${encodeURIComponent(key.accessKeyId)}`;

function Restrict({ accessKey, close, changed }: KeyProps) {
  const [policy, setPolicy] = useState(accessKey.policy ?? "");
  const work = async (): Promise<void> => {
    await site.put(pathOf(accessKey), { policy: policy.trim() === "" ? null : policy });
    changed();
  };
  return (
    <FormDialog
      title={says.restrictTitle(accessKey.accessKeyId)}
      submit={text.common.save}
      done={says.restrictDone}
      work={work}
      close={close}
      size="large"
    >
      {(fault) => <PolicyField policy={policy} change={setPolicy} fault={fault("policy")} />}
    </FormDialog>
  );
}

function Rename({ accessKey, close, changed }: KeyProps) {
  const [description, setDescription] = useState(accessKey.description);
  const work = async (): Promise<void> => {
    await site.put(pathOf(accessKey), { description });
    changed();
  };
  return (
    <FormDialog title={says.rename} submit={text.common.save} done={says.renamed} work={work} close={close}>
      {(fault) => (
        <FormField label={says.description} errorText={fault("description")}>
          <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
        </FormField>
      )}
    </FormDialog>
  );
}

function Revoke({ accessKey, close, changed }: KeyProps) {
  const work = async (): Promise<void> => {
    await site.delete(pathOf(accessKey));
    changed();
  };
  return (
    <Ask
      title={says.revokeTitle(accessKey.accessKeyId)}
      loses={[says.revokeLoses]}
      confirm={says.revoke}
      done={says.revoked(accessKey.accessKeyId)}
      work={work}
      close={close}
    />
  );
}

function Snippets({ id, secret }: { id: string | undefined; secret: string | undefined }) {
  const region = useValue(theSite)?.region ?? "";
  const snippets = snippetsOf({
    endpoint: location.origin,
    region,
    id: id ?? "ACCESS-KEY-ID",
    secret: secret ?? "SECRET-ACCESS-KEY",
  });
  const names: Snippet[] = ["cli", "python", "javascript", "rust"];
  return (
    <Container
      header={
        <Header variant="h2" description={says.snippetsSays}>
          {says.snippets}
        </Header>
      }
    >
      <Tabs
        ariaLabel={says.snippets}
        tabs={names.map((name) => ({
          id: name,
          label: says.languages[name],
          content: <Code label={says.languages[name]} value={snippets[name]} />,
        }))}
      />
    </Container>
  );
}
