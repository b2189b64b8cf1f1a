// SPDX-License-Identifier: AGPL-3.0-or-later

// The device check on the page before a meeting, and the page of whoever waits. Both work without this
// script; it adds the picture, the level of the microphone, and entering by itself.

import { h, text } from "../meet/dom";
import { load, save } from "../meet/prefs";
import { t } from "../meet/strings";

/** The form of the join page: [data-join] with a place for the picture and the choices. */
async function join(form: HTMLElement): Promise<void> {
	const box = form.querySelector<HTMLElement>("[data-devices]");
	if (!box || !navigator.mediaDevices) return;
	const prefs = load();
	const video = h("video", { class: "preview-video", autoplay: true, playsinline: true, "aria-hidden": "true", tabindex: "-1" });
	video.muted = true;
	const off = h("p", { class: "preview-off" }, t("meet.preview.off"));
	const level = h("meter", { class: "preview-level", min: "0", max: "1", low: "0.02", value: "0", "aria-label": t("meet.preview.level") });
	const note = h("p", { class: "preview-note", role: "status" });
	const choices = h("div", { class: "preview-choices" });
	const camera = toggleBox("preview-camera", t("meet.preview.camera"), prefs.cameraOn);
	const mic = toggleBox("preview-mic", t("meet.preview.mic"), prefs.micOn);
	const test = h("button", { type: "button", class: "button plain", onclick: () => void speakerTest(note) }, t("meet.preview.speaker_test"));
	box.replaceChildren(h("div", { class: "preview" }, video, off), h("div", { class: "preview-switches" }, mic.el, camera.el, level, note));
	box.hidden = false;
	// Which devices comes after the button on small screens: most people never change them.
	const more = form.querySelector<HTMLElement>("[data-device-choices]") ?? box;
	more.append(choices, test);
	more.hidden = false;

	let picture: MediaStream | undefined;
	let sound: MediaStream | undefined;
	let meterStop = () => {};

	const stop = (s: MediaStream | undefined) => {
		for (const track of s?.getTracks() ?? []) track.stop();
	};

	const showCamera = async () => {
		stop(picture);
		picture = undefined;
		save({ cameraOn: camera.input.checked });
		if (camera.input.checked) {
			try {
				picture = await navigator.mediaDevices.getUserMedia({ video: { deviceId: load().camera || undefined, width: 640, height: 360 } });
			} catch (error) {
				camera.input.checked = false;
				save({ cameraOn: false });
				text(note, explain(error as Error, "camera"));
			}
		}
		video.srcObject = picture ?? null;
		off.hidden = picture !== undefined;
		await fillChoices();
	};

	const showMic = async () => {
		meterStop();
		stop(sound);
		sound = undefined;
		save({ micOn: mic.input.checked });
		level.value = 0;
		if (mic.input.checked) {
			try {
				sound = await navigator.mediaDevices.getUserMedia({ audio: { deviceId: load().mic || undefined } });
				meterStop = meterOf(sound, level);
			} catch (error) {
				mic.input.checked = false;
				save({ micOn: false });
				text(note, explain(error as Error, "mic"));
			}
		}
		await fillChoices();
	};

	const fillChoices = async () => {
		const devices = await navigator.mediaDevices.enumerateDevices();
		const rows: HTMLElement[] = [];
		for (const [kind, key, label, again] of [
			["audioinput", "mic", "meet.device.mic", showMic],
			["videoinput", "camera", "meet.device.camera", showCamera],
			["audiooutput", "speaker", "meet.device.speaker", async () => {}],
		] as const) {
			const options = devices.filter((d) => d.kind === kind && d.deviceId);
			if (options.length < 2) continue;
			const select = h(
				"select",
				{
					id: `join-${key}`,
					class: "select",
					onchange: () => {
						save({ [key]: select.value });
						void again();
					},
				},
				...options.map((d, i) => h("option", { value: d.deviceId }, d.label || t("meet.device.unnamed", { Number: i + 1 }))),
			);
			if (options.some((d) => d.deviceId === load()[key])) select.value = load()[key];
			rows.push(h("div", { class: "field" }, h("label", { for: `join-${key}` }, t(label)), select));
		}
		const focused = document.activeElement?.id;
		choices.replaceChildren(...rows);
		if (focused?.startsWith("join-")) document.getElementById(focused)?.focus();
	};

	camera.input.addEventListener("change", () => void showCamera());
	mic.input.addEventListener("change", () => void showMic());
	form.addEventListener("submit", () => {
		stop(picture); // some systems give a camera to one page at a time
		stop(sound);
	});
	await showCamera();
	await showMic();
}

function toggleBox(id: string, label: string, on: boolean): { el: HTMLElement; input: HTMLInputElement } {
	const input = h("input", { type: "checkbox", id });
	input.checked = on;
	return { el: h("label", { class: "choice", for: id }, input, h("span", {}, label)), input };
}

/** Which device, and how to allow it in this browser; one may join listening all the same. */
function explain(error: Error, device: "mic" | "camera"): string {
	if (error.name !== "NotAllowedError") return t(`meet.device.missing_${device}`);
	const agent = navigator.userAgent;
	const browser = agent.includes("Firefox") ? "firefox" : agent.includes("Chrome") ? "chrome" : agent.includes("Safari") ? "safari" : "other";
	return `${t(`meet.device.denied_${device}`)} ${t(`meet.device.allow_${browser}`)}`;
}

function meterOf(stream: MediaStream, meter: HTMLMeterElement): () => void {
	const ctx = new AudioContext();
	const analyser = ctx.createAnalyser();
	analyser.fftSize = 512;
	ctx.createMediaStreamSource(stream).connect(analyser);
	const samples = new Float32Array(analyser.fftSize);
	const timer = window.setInterval(() => {
		analyser.getFloatTimeDomainData(samples);
		let sum = 0;
		for (const s of samples) sum += s * s;
		meter.value = Math.min(1, Math.sqrt(sum / samples.length) * 4);
	}, 100);
	return () => {
		window.clearInterval(timer);
		void ctx.close();
	};
}

async function speakerTest(note: HTMLElement): Promise<void> {
	const ctx = new AudioContext();
	const osc = ctx.createOscillator();
	const gain = ctx.createGain();
	gain.gain.value = 0.1;
	osc.frequency.value = 440;
	osc.connect(gain).connect(ctx.destination);
	osc.start();
	osc.stop(ctx.currentTime + 0.8);
	osc.onended = () => void ctx.close();
	text(note, t("meet.preview.speaker_heard"));
}

/** The waiting page: [data-wait] carries the address of its event stream. */
function wait(el: HTMLElement): void {
	const url = el.dataset.wait;
	if (!url) return;
	document.querySelector('meta[http-equiv="refresh"]')?.remove();
	const say = el.querySelector<HTMLElement>("[data-ahead]");
	const source = new EventSource(url);
	source.addEventListener("ahead", (e) => {
		const { ahead } = JSON.parse((e as MessageEvent<string>).data) as { ahead: number };
		if (say) text(say, ahead > 0 ? t("meet.wait.ahead", { Count: ahead }) : t("meet.wait.next"));
	});
	source.addEventListener("admitted", (e) => {
		source.close();
		const { meeting } = JSON.parse((e as MessageEvent<string>).data) as { meeting: string };
		location.assign(`/meet/${encodeURIComponent(meeting)}`);
	});
	for (const kind of ["denied", "started"]) {
		source.addEventListener(kind, () => {
			source.close();
			location.reload(); // the server's page says what happened, or lets us in
		});
	}
}

const form = document.querySelector<HTMLElement>("[data-join]");
if (form) void join(form);
const waiting = document.querySelector<HTMLElement>("[data-wait]");
if (waiting) wait(waiting);
