/** Static addresses of the account. */

import {
  AllocateStaticIpCommand,
  AttachStaticIpCommand,
  DetachStaticIpCommand,
  ReleaseStaticIpCommand,
  type StaticIp,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { send } from "../api/cloud.ts";
import { useInstances, useStaticIps } from "../data.ts";
import { freeName, nameFault } from "../logic/computer.ts";
import { linkTo } from "../router.ts";
import { text } from "../strings/index.ts";
import { Ask, FormDialog } from "../ui/dialog.tsx";
import { type Column, List } from "../ui/list.tsx";

const says = text.addresses;

type Asks = { what: "allocate" } | { what: "attach" | "detach" | "release"; address: StaticIp };

/** The page. */
export default function AddressesPage() {
  const live = useStaticIps();
  const [asks, setAsks] = useState<Asks>();
  const close = (): void => setAsks(undefined);
  const allocate = (
    <Button variant="primary" onClick={() => setAsks({ what: "allocate" })}>
      {says.allocate}
    </Button>
  );
  const columns: Column<StaticIp>[] = [
    {
      id: "name",
      header: says.name,
      isRowHeader: true,
      narrow: true,
      sortingField: "name",
      cell: (address) => address.name,
    },
    {
      id: "address",
      header: says.address,
      narrow: true,
      sortingField: "ipAddress",
      cell: (address) => address.ipAddress,
    },
    {
      id: "attached",
      header: says.attachedTo,
      cell: (address) =>
        address.attachedTo === undefined ? (
          text.common.none
        ) : (
          <Link href={linkTo("computers", address.attachedTo)}>{address.attachedTo}</Link>
        ),
    },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (address) => (
        <ButtonDropdown
          variant="inline-icon"
          ariaLabel={text.common.actionsOf(address.name ?? "")}
          expandToViewport
          items={[
            { id: "attach", text: says.attach, disabled: address.isAttached === true },
            { id: "detach", text: says.detach, disabled: address.isAttached !== true },
            { id: "release", text: says.release },
          ]}
          onItemClick={({ detail }) => setAsks({ what: detail.id as "attach", address })}
        />
      ),
    },
  ];
  return (
    <>
      <List
        live={live}
        title={text.pages.addresses}
        description={says.says}
        columns={columns}
        idOf={(address) => address.name ?? ""}
        sortedBy="name"
        variant="full-page"
        empty={{ title: says.none, says: says.noneSays, action: allocate }}
        actions={allocate}
      />
      {asks?.what === "allocate" ? (
        <Allocate taken={new Set((live.data ?? []).map((found) => found.name ?? ""))} close={close} />
      ) : null}
      {asks?.what === "attach" ? <Attach name={asks.address.name ?? ""} close={close} /> : null}
      {asks?.what === "detach" ? (
        <Ask
          title={says.detachTitle(asks.address.name ?? "")}
          loses={[says.detachLoses(asks.address.attachedTo ?? "", asks.address.ipAddress ?? "")]}
          confirm={says.detach}
          done={says.detached(asks.address.name ?? "")}
          work={() => send(new DetachStaticIpCommand({ staticIpName: asks.address.name }))}
          close={close}
        />
      ) : null}
      {asks?.what === "release" ? (
        <Ask
          title={says.releaseTitle(asks.address.name ?? "")}
          loses={[says.releaseLoses(asks.address.ipAddress ?? "")]}
          confirm={says.release}
          done={says.released(asks.address.name ?? "")}
          work={() => send(new ReleaseStaticIpCommand({ staticIpName: asks.address.name }))}
          close={close}
        />
      ) : null}
    </>
  );
}

function Allocate({ taken, close }: { taken: ReadonlySet<string>; close: () => void }) {
  const [name, setName] = useState(() => freeName("address", taken));
  const fault = nameFault(name);
  return (
    <FormDialog
      title={says.allocate}
      submit={says.allocate}
      done={says.allocated(name)}
      disabled={fault !== undefined}
      work={() => send(new AllocateStaticIpCommand({ staticIpName: name }))}
      close={close}
    >
      <FormField label={says.name} errorText={fault === undefined ? undefined : text.nameFaults[fault]}>
        <Input value={name} onChange={({ detail }) => setName(detail.value)} spellcheck={false} />
      </FormField>
    </FormDialog>
  );
}

function Attach({ name, close }: { name: string; close: () => void }) {
  const computers = (useInstances().data ?? [])
    .filter((computer) => computer.isStaticIp !== true)
    .map((computer) => computer.name ?? "");
  const [chosen, setChosen] = useState<string>();
  const instanceName = chosen ?? computers[0] ?? "";
  return (
    <FormDialog
      title={says.attachTitle(name)}
      submit={says.attach}
      done={says.attached(name, instanceName)}
      disabled={instanceName === ""}
      work={() => send(new AttachStaticIpCommand({ staticIpName: name, instanceName }))}
      close={close}
    >
      <FormField label={text.disks.computer}>
        <Select
          selectedOption={instanceName === "" ? null : { value: instanceName, label: instanceName }}
          options={computers.map((value) => ({ value, label: value }))}
          filteringType="auto"
          empty={text.disks.noComputers}
          onChange={({ detail }) => setChosen(detail.selectedOption.value)}
        />
      </FormField>
    </FormDialog>
  );
}
