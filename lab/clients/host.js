/*
 * A Matrix client as small as it can be that embeds Element Call: one room, everything permitted.
 *
 * What it is told stands in the fragment, as JSON: homeserver, account, room, the page of Element Call, and how to
 * answer MSC4515's question for foci: `transports` is "element-web" to ask as Element Web does, or the list itself.
 */
import { createClient, MatrixError } from "matrix-js-sdk";
import { ClientWidgetApi, OpenIDRequestState, Widget, WidgetDriver } from "matrix-widget-api";

const told = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const client = createClient({
  baseUrl: told.baseUrl,
  userId: told.userId,
  deviceId: told.deviceId,
  accessToken: told.accessToken,
});

/** The rule of `ElementWidgetDriver.getRtcTransports` in Element Web 1.12.27. */
async function askedAsElementWebDoes() {
  try {
    return { rtc_transports: (await client.cachedRtcTransports.wait()) ?? [] };
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === "M_UNRECOGNIZED") {
      const wellKnown = await client.waitForClientWellKnown();
      const foci = wellKnown?.["org.matrix.msc4143.rtc_foci"];
      if (Array.isArray(foci)) return { rtc_transports: foci };
    }
    throw error;
  }
}

class Driver extends WidgetDriver {
  async validateCapabilities(requested) {
    return requested;
  }

  async sendEvent(type, content, stateKey = null) {
    const sent =
      stateKey === null
        ? await client.sendEvent(told.roomId, type, content)
        : await client.sendStateEvent(told.roomId, type, content, stateKey);
    return { roomId: told.roomId, eventId: sent.event_id };
  }

  async sendDelayedEvent(delay, type, content, stateKey = null) {
    const sent =
      stateKey === null
        ? await client._unstable_sendDelayedEvent(told.roomId, { delay }, null, type, content)
        : await client._unstable_sendDelayedStateEvent(told.roomId, { delay }, type, content, stateKey);
    return { roomId: told.roomId, delayId: sent.delay_id };
  }

  cancelScheduledDelayedEvent(delayId) {
    return client._unstable_cancelScheduledDelayedEvent(delayId);
  }

  restartScheduledDelayedEvent(delayId) {
    return client._unstable_restartScheduledDelayedEvent(delayId);
  }

  async readRoomTimeline() {
    return [];
  }

  async readStickyEvents() {
    return [];
  }

  async readRoomState(roomId, type, stateKey) {
    const state = await client.roomState(roomId);
    return state.filter((event) => event.type === type && (stateKey === undefined || event.state_key === stateKey));
  }

  async askOpenID(observer) {
    observer.update({ state: OpenIDRequestState.Allowed, token: await client.getOpenIdToken() });
  }

  async getRtcTransports() {
    return told.transports === "element-web" ? askedAsElementWebDoes() : { rtc_transports: told.transports };
  }

  getKnownRooms() {
    return [told.roomId];
  }

  processError(error) {
    return error instanceof MatrixError ? { matrix_api_error: error.asWidgetApiErrorData() } : undefined;
  }
}

/** Element Call's page, told to join at once. */
function widgetUrl(widgetId) {
  const url = new URL(told.page, location.href);
  url.hash = `?${new URLSearchParams({
    widgetId,
    parentUrl: location.origin,
    roomId: told.roomId,
    userId: told.userId,
    deviceId: told.deviceId,
    baseUrl: told.baseUrl,
    skipLobby: "true",
    preload: "false",
    confineToRoom: "true",
    appPrompt: "false",
    perParticipantE2EE: "false",
    lang: "en",
    theme: "light",
  })}`;
  return url.href;
}

const ANSWERED_BY_THE_HOST = [
  "io.element.join",
  "im.vector.hangup",
  "io.element.close",
  "io.element.device_mute",
  "io.element.tile_layout",
  "io.element.spotlight_layout",
  "set_always_on_screen",
];

// the room is known before the widget runs, as in any client that people have open
await client.startClient({ initialSyncLimit: 1 });
await new Promise((resolve) => client.on("sync", (state) => state === "PREPARED" && resolve()));
const url = widgetUrl("element-call");
const widget = new Widget({ id: "element-call", creatorUserId: told.userId, type: "m.custom", url });
const frame = document.createElement("iframe");
frame.allow = "camera; microphone; autoplay";
document.body.append(frame);
const api = new ClientWidgetApi(widget, frame, new Driver());
api.setViewedRoomId(told.roomId);
for (const action of ANSWERED_BY_THE_HOST) {
  api.on(`action:${action}`, (event) => {
    event.preventDefault();
    api.transport.reply(event.detail, {});
  });
}
client.on("event", (event) => {
  if (event.getRoomId() === told.roomId) void api.feedEvent(event.getEffectiveEvent());
});
client.on("RoomState.events", (event) => {
  if (event.getRoomId() === told.roomId) void api.feedStateUpdate(event.getEffectiveEvent());
});
frame.src = url;
