/** Ports of a computer that others may reach. */

import {
  CloseInstancePublicPortsCommand,
  GetInstancePortStatesCommand,
  type InstancePortState,
  type NetworkProtocol,
  OpenInstancePublicPortsCommand,
} from "@aws-sdk/client-lightsail";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { send } from "../../api/cloud.ts";
import { useLive } from "../../live/query.ts";
import { portRange, portsText, sourcesOf } from "../../logic/ports.ts";
import { text } from "../../strings/index.ts";
import { Ask, FormDialog } from "../../ui/dialog.tsx";
import { type Column, List } from "../../ui/list.tsx";

const says = text.ports;
const PROTOCOLS: NetworkProtocol[] = ["tcp", "udp", "icmp", "all"];

/** The tab. */
export function PortsTab({ name }: { name: string }) {
  const live = useLive(`ports ${name}`, async () => {
    const { portStates } = await send(new GetInstancePortStatesCommand({ instanceName: name }));
    return (portStates ?? []).filter((port) => port.state === "open");
  });
  const [asks, setAsks] = useState<"open" | InstancePortState>();
  const close = (): void => setAsks(undefined);
  const columns: Column<InstancePortState>[] = [
    {
      id: "ports",
      header: says.ports,
      isRowHeader: true,
      narrow: true,
      cell: (port) => portsText(port.fromPort, port.toPort, port.protocol),
    },
    { id: "protocol", header: says.protocol, narrow: true, cell: (port) => says.protocols[port.protocol ?? "tcp"] },
    { id: "sources", header: says.sources, cell: (port) => sourcesOf(port).join(", ") || says.everybody },
    {
      id: "close",
      header: text.common.actions,
      narrow: true,
      cell: (port) => (
        <Button
          wrapText={false}
          onClick={() => setAsks(port)}
          ariaLabel={says.closeOf(portsText(port.fromPort, port.toPort, port.protocol))}
        >
          {says.close}
        </Button>
      ),
    },
  ];
  return (
    <>
      <List
        live={live}
        title={says.title}
        description={says.says}
        columns={columns}
        idOf={(port) => `${port.protocol} ${port.fromPort} ${port.toPort}`}
        empty={{ title: says.none, says: says.noneSays }}
        actions={<Button onClick={() => setAsks("open")}>{says.open}</Button>}
      />
      {asks === "open" ? <Open name={name} close={close} /> : null}
      {typeof asks === "object" ? (
        <Ask
          title={says.closeTitle(portsText(asks.fromPort, asks.toPort, asks.protocol))}
          loses={[says.closeLoses]}
          confirm={says.close}
          done={says.closed}
          work={() =>
            send(
              new CloseInstancePublicPortsCommand({
                instanceName: name,
                portInfo: { fromPort: asks.fromPort, toPort: asks.toPort, protocol: asks.protocol },
              }),
            )
          }
          close={close}
        />
      ) : null}
    </>
  );
}

function Open({ name, close }: { name: string; close: () => void }) {
  const [protocol, setProtocol] = useState<NetworkProtocol>("tcp");
  const [ports, setPorts] = useState("");
  const [sources, setSources] = useState("");
  const needsPorts = protocol === "tcp" || protocol === "udp";
  const range = needsPorts ? portRange(ports) : protocol === "icmp" ? { from: -1, to: -1 } : { from: 0, to: 65_535 };
  const cidrs = sources.split(/[\s,]+/).filter((source) => source !== "");
  const work = () =>
    send(
      new OpenInstancePublicPortsCommand({
        instanceName: name,
        portInfo: { fromPort: range?.from, toPort: range?.to, protocol, ...(cidrs.length === 0 ? {} : { cidrs }) },
      }),
    );
  return (
    <FormDialog
      title={says.open}
      submit={says.open}
      done={says.opened}
      disabled={range === undefined}
      work={work}
      close={close}
    >
      <FormField label={says.protocol}>
        <Select
          selectedOption={{ value: protocol, label: says.protocols[protocol] }}
          options={PROTOCOLS.map((value) => ({ value, label: says.protocols[value] }))}
          onChange={({ detail }) => setProtocol(detail.selectedOption.value as NetworkProtocol)}
        />
      </FormField>
      {needsPorts ? (
        <FormField
          label={says.ports}
          description={says.portsSays}
          errorText={ports !== "" && range === undefined ? says.portsFault : undefined}
        >
          <Input value={ports} placeholder="8888" onChange={({ detail }) => setPorts(detail.value)} />
        </FormField>
      ) : null}
      <FormField label={says.sources} description={says.sourcesSays}>
        <Input
          value={sources}
          placeholder="192.0.2.0/24"
          onChange={({ detail }) => setSources(detail.value)}
          spellcheck={false}
        />
      </FormField>
    </FormDialog>
  );
}
