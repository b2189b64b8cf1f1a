// SPDX-License-Identifier: AGPL-3.0-or-later

// The only file that knows LiveKit. It carries pictures and sound; people, rights, hands and chat come
// from the server's own stream.

import { ConnectionState, DisconnectReason, type LocalTrackPublication, type Participant, type RemoteTrack, Room, RoomEvent, Track, VideoPresets } from "livekit-client";
import type { Media } from "./protocol";

/** What the page is told about one person's media. */
export interface Tracks {
	camera: MediaStreamTrack | null;
	screen: MediaStreamTrack | null;
	mic: boolean; // sends sound
	speaking: boolean;
	quality: "good" | "poor" | "lost" | "unknown";
}

/** Why the connection is gone for good, or "" while we should try again. */
export type Gone = "" | "replaced" | "removed" | "ended" | "shutdown";

export interface Devices {
	mic: string;
	camera: string;
	speaker: string;
}

export interface MediaListener {
	changed(): void; // somebody's tracks or speaking state
	connection(state: "connected" | "reconnecting"): void;
	lost(why: Gone): void;
	silent(blocked: boolean): void; // the browser plays no sound until a press
	failed(media: Media, error: Error): void; // a device or a permission is missing
	ownEnded(media: Media): void; // the browser's own "stop sharing"
}

const sources: Record<Media, Track.Source> = { mic: Track.Source.Microphone, camera: Track.Source.Camera, screen: Track.Source.ScreenShare };

// LiveKit's numbers, from its protocol (livekit_models.proto, DisconnectReason).
const reasons: Partial<Record<DisconnectReason, Gone>> = {
	[DisconnectReason.DUPLICATE_IDENTITY]: "replaced",
	[DisconnectReason.PARTICIPANT_REMOVED]: "removed",
	[DisconnectReason.ROOM_DELETED]: "ended",
};

export class MediaRoom {
	private room: Room;
	private leaving = false;
	private audio = new Map<string, HTMLMediaElement>();
	private lowData = false;

	constructor(
		private readonly on: MediaListener,
		devices: Devices,
		noiseSuppression: boolean,
	) {
		this.room = new Room({
			adaptiveStream: true,
			dynacast: true,
			disconnectOnPageLeave: true,
			audioCaptureDefaults: { deviceId: devices.mic || undefined, echoCancellation: true, autoGainControl: true, noiseSuppression },
			videoCaptureDefaults: { deviceId: devices.camera || undefined, resolution: VideoPresets.h540.resolution },
			audioOutput: devices.speaker ? { deviceId: devices.speaker } : undefined,
			publishDefaults: { simulcast: true, videoCodec: "vp8", red: true, dtx: true },
		});
		const changed = () => this.on.changed();
		this.room
			.on(RoomEvent.TrackSubscribed, (track) => {
				this.attach(track);
				changed();
			})
			.on(RoomEvent.TrackUnsubscribed, (track) => {
				this.detach(track);
				changed();
			})
			.on(RoomEvent.TrackMuted, changed)
			.on(RoomEvent.TrackUnmuted, changed)
			.on(RoomEvent.LocalTrackPublished, changed)
			.on(RoomEvent.LocalTrackUnpublished, (pub: LocalTrackPublication) => {
				if (pub.source === Track.Source.ScreenShare) this.on.ownEnded("screen");
				changed();
			})
			.on(RoomEvent.ActiveSpeakersChanged, changed)
			.on(RoomEvent.ConnectionQualityChanged, changed)
			.on(RoomEvent.ParticipantConnected, changed)
			.on(RoomEvent.ParticipantDisconnected, changed)
			.on(RoomEvent.Reconnecting, () => this.on.connection("reconnecting"))
			.on(RoomEvent.Reconnected, () => this.on.connection("connected"))
			.on(RoomEvent.AudioPlaybackStatusChanged, () => this.on.silent(!this.room.canPlaybackAudio))
			.on(RoomEvent.MediaDevicesError, (error) => this.on.failed("mic", error))
			.on(RoomEvent.Disconnected, (reason) => {
				if (!this.leaving) this.on.lost((reason !== undefined && reasons[reason]) || "");
			});
	}

	/** Connects; throws when the socket or the media path cannot be had. */
	async connect(url: string, token: string): Promise<void> {
		await this.room.connect(url, token, { autoSubscribe: true, maxRetries: 1 });
		this.on.connection("connected");
		this.on.silent(!this.room.canPlaybackAudio);
	}

	get connected(): boolean {
		return this.room.state === ConnectionState.Connected;
	}

	/** Leaves on purpose: nothing is reported as lost. */
	async leave(): Promise<void> {
		this.leaving = true;
		await this.room.disconnect();
		for (const el of this.audio.values()) el.remove();
		this.audio.clear();
	}

	private attach(track: RemoteTrack): void {
		if (track.kind !== Track.Kind.Audio) return;
		const el = track.attach();
		el.dataset.audio = "";
		document.body.append(el);
		this.audio.set(track.sid ?? "", el);
	}

	private detach(track: RemoteTrack): void {
		for (const el of track.detach()) el.remove();
		this.audio.delete(track.sid ?? "");
	}

	/** Turns one of our own media on or off; resolves to what is true afterwards. */
	async set(media: Media, on: boolean): Promise<boolean> {
		const me = this.room.localParticipant;
		try {
			if (media === "mic") await me.setMicrophoneEnabled(on);
			else if (media === "camera") await me.setCameraEnabled(on);
			else await me.setScreenShareEnabled(on, { audio: true, selfBrowserSurface: "exclude" });
		} catch (error) {
			// Closing the browser's share dialog is a choice, not a fault.
			if (!(media === "screen" && (error as Error).name === "NotAllowedError")) this.on.failed(media, error as Error);
		}
		this.on.changed();
		return this.own(media);
	}

	/** Whether we send this medium now. */
	own(media: Media): boolean {
		const pub = this.room.localParticipant.getTrackPublication(sources[media]);
		return pub !== undefined && !pub.isMuted;
	}

	async use(kind: MediaDeviceKind, deviceId: string): Promise<void> {
		await this.room.switchActiveDevice(kind, deviceId);
	}

	/** The device in use, or "". */
	active(kind: MediaDeviceKind): string {
		return this.room.getActiveDevice(kind) ?? "";
	}

	/** Sound only: pictures of others are not fetched, ours is not sent. */
	async setLowData(on: boolean): Promise<void> {
		this.lowData = on;
		if (on && this.own("camera")) await this.set("camera", false);
		for (const p of this.room.remoteParticipants.values()) {
			for (const pub of p.videoTrackPublications.values()) pub.setSubscribed(!on || pub.source === Track.Source.ScreenShare);
		}
		this.on.changed();
	}

	get low(): boolean {
		return this.lowData;
	}

	/** Lets the sound begin after a press. */
	async startAudio(): Promise<void> {
		await this.room.startAudio();
	}

	/** What a person sends now, by participant id. */
	tracks(id: string): Tracks {
		const p: Participant | undefined = this.room.localParticipant.identity === id ? this.room.localParticipant : this.room.remoteParticipants.get(id);
		const picture = (source: Track.Source): MediaStreamTrack | null => {
			const pub = p?.getTrackPublication(source);
			return pub && !pub.isMuted && pub.track ? pub.track.mediaStreamTrack : null;
		};
		const mic = p?.getTrackPublication(Track.Source.Microphone);
		const quality = p?.connectionQuality ?? "unknown";
		return {
			camera: picture(Track.Source.Camera),
			screen: picture(Track.Source.ScreenShare),
			mic: mic !== undefined && !mic.isMuted,
			speaking: p?.isSpeaking ?? false,
			quality: quality === "excellent" ? "good" : (quality as Tracks["quality"]),
		};
	}

	/** Shows a person's picture in el. LiveKit measures el to fetch only as many pixels as are seen. */
	show(id: string, which: "camera" | "screen", el: HTMLVideoElement): void {
		const p: Participant | undefined = this.room.localParticipant.identity === id ? this.room.localParticipant : this.room.remoteParticipants.get(id);
		const track = p?.getTrackPublication(sources[which])?.track;
		if (track && !track.attachedElements.includes(el)) track.attach(el);
	}

	/** Stops showing pictures in el. */
	hide(el: HTMLVideoElement): void {
		el.srcObject = null;
		for (const p of [this.room.localParticipant, ...this.room.remoteParticipants.values()]) {
			for (const pub of p.videoTrackPublications.values()) if (pub.track?.attachedElements.includes(el)) pub.track.detach(el);
		}
	}
}
