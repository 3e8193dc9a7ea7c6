import type { WiringFault } from "../../model/commissioning.ts";
import type { Text } from "../../model/device.ts";

/** What people are told of a fault. `{unit}` stands for the unit where it concerns one. */
export interface FaultWords {
  readonly message: Text;
  /** Where only one unit is concerned. */
  readonly ofUnit?: Text | undefined;
  /** The easiest first. */
  readonly fixes: readonly Text[];
}

export const faultWords: Readonly<Record<WiringFault, FaultWords>> = {
  none: {
    message: { en: "The line is fine.", sv: "Slingan är felfri." },
    fixes: [],
  },
  silent: {
    message: { en: "Nobody on the line answers.", sv: "Ingen på slingan svarar." },
    ofUnit: {
      en: "Unit {unit} does not answer; the line itself works.",
      sv: "Enhet {unit} svarar inte; själva slingan fungerar.",
    },
    fixes: [
      {
        en: "See that the device has power and its display or lamp is on.",
        sv: "Kontrollera att enheten har spänning och att display eller lampa lyser.",
      },
      {
        en: "Read the unit id, speed and parity in the device's own menu or on its switches.",
        sv: "Läs av enhetsadress, hastighet och paritet i enhetens meny eller på dess omkopplare.",
      },
      {
        en: "See that both wires sit in their terminals, and swap A and B at the plug as a trial.",
        sv: "Kontrollera att båda ledarna sitter fast i plinten, och prova att skifta A och B i kontakten.",
      },
      {
        en: "Measure the cable for a break between the last unit that answers and this one.",
        sv: "Mät om kabeln är bruten mellan den sista enheten som svarar och den här.",
      },
    ],
  },
  swapped: {
    message: {
      en: "A and B are swapped at the gateway's plug.",
      sv: "A och B är förväxlade i gatewayens kontakt.",
    },
    ofUnit: { en: "A and B are swapped at unit {unit}.", sv: "A och B är förväxlade vid enhet {unit}." },
    fixes: [
      {
        en: "Swap the two wires A and B at the plug; it can damage nothing.",
        sv: "Skifta ledarna A och B i kontakten; inget kan gå sönder av det.",
      },
      {
        en: "Makers name the wires differently: D+ and D-, B and A. Follow the colour of the wire, not the letter.",
        sv: "Tillverkarna märker olika: D+ och D-, B och A. Följ ledarens färg, inte bokstaven.",
      },
    ],
  },
  "no-termination": {
    message: {
      en: "The cable throws signals back: termination is missing, or there are long branches.",
      sv: "Kabeln reflekterar signalerna: avslutning saknas eller så finns det långa avstick.",
    },
    fixes: [
      {
        en: "Put 120 ohm between A and B at both ends of the cable, and nowhere else.",
        sv: "Sätt 120 ohm mellan A och B i kabelns båda ändar, och ingen annanstans.",
      },
      {
        en: "Lead the cable from device to device; make branches shorter than a metre.",
        sv: "Dra kabeln från enhet till enhet; håll avstick kortare än en meter.",
      },
      {
        en: "Try a lower speed in all devices: 9600 baud bears far more.",
        sv: "Prova lägre hastighet i alla enheter: 9600 baud tål mycket mer.",
      },
    ],
  },
  echo: {
    message: { en: "The adapter hears its own sending.", sv: "Adaptern hör sin egen sändning." },
    fixes: [
      {
        en: "A whole echo does no harm: the gateway leaves it out. A damaged one does.",
        sv: "Ett helt eko är ofarligt, gatewayen sorterar bort det. Ett trasigt är det inte.",
      },
      {
        en: 'Switch the echo off at the adapter: jumper or switch "echo", or receiver off while sending (RE tied to DE).',
        sv: 'Stäng av ekot i adaptern: bygel eller omkopplare "echo", eller mottagaren av under sändning (RE kopplad till DE).',
      },
      {
        en: "On a four-wire adapter set to two wires: bridge exactly as its manual shows.",
        sv: "På en fyrtrådsadapter för två trådar: bygla exakt som manualen visar.",
      },
    ],
  },
  "wrong-parity": {
    message: {
      en: "The parity is not the one of the devices.",
      sv: "Pariteten är inte den som enheterna har.",
    },
    ofUnit: {
      en: "Unit {unit} has another parity than the line.",
      sv: "Enhet {unit} har annan paritet än slingan.",
    },
    fixes: [
      {
        en: "Set the parity of gateway.yaml to the one below; on one line all must have the same.",
        sv: "Ställ pariteten i gateway.yaml enligt nedan; på en slinga måste alla ha samma.",
      },
    ],
  },
  "wrong-speed": {
    message: {
      en: "The speed is not the one of the devices.",
      sv: "Hastigheten är inte den som enheterna har.",
    },
    ofUnit: {
      en: "Unit {unit} has another speed than the line.",
      sv: "Enhet {unit} har annan hastighet än slingan.",
    },
    fixes: [
      {
        en: "Set the speed of gateway.yaml to the one below; on one line all must have the same.",
        sv: "Ställ hastigheten i gateway.yaml enligt nedan; på en slinga måste alla ha samma.",
      },
    ],
  },
  "duplicate-address": {
    message: {
      en: "Two devices have the same unit id and answer at once.",
      sv: "Två enheter har samma enhetsadress och svarar samtidigt.",
    },
    ofUnit: {
      en: "Two devices have the unit id {unit} and answer at once.",
      sv: "Två enheter har adressen {unit} och svarar samtidigt.",
    },
    fixes: [
      {
        en: "Unplug the device that you know; if {unit} still answers, there is another one.",
        sv: "Koppla loss enheten du känner till; svarar {unit} ändå finns det en till.",
      },
      {
        en: "Give one of them another unit id. New devices often come as 1.",
        sv: "Ge den ena en annan adress. Nya enheter levereras ofta med 1.",
      },
    ],
  },
  ground: {
    message: {
      en: "Answers are damaged in time with the mains: a ground or common-mode trouble.",
      sv: "Svaren skadas i takt med elnätet: jord- eller common mode-problem.",
    },
    fixes: [
      {
        en: "Connect the devices' signal ground (0 V, COM, C) with the third wire of the cable.",
        sv: "Förbind enheternas signaljord (0 V, COM, C) med kabelns tredje ledare.",
      },
      { en: "Earth the shield at one end only.", sv: "Jorda skärmen i endast en ände." },
      {
        en: "Use an isolated RS-485 adapter where buildings or supplies differ.",
        sv: "Använd en isolerad RS-485-adapter när byggnader eller matningar skiljer sig.",
      },
      {
        en: "Keep the cable away from power cables and drives.",
        sv: "Håll kabeln borta från kraftkablar och frekvensomriktare.",
      },
    ],
  },
  "late-answers": {
    message: {
      en: "Answers are whole, but come later than the gateway waits.",
      sv: "Svaren är hela men kommer senare än gatewayen väntar.",
    },
    ofUnit: {
      en: "Unit {unit} answers later than the gateway waits.",
      sv: "Enhet {unit} svarar senare än gatewayen väntar.",
    },
    fixes: [
      {
        en: "Set timing: timeout: of the connection above the slowest answer below.",
        sv: "Ställ timing: timeout: för anslutningen högre än det långsammaste svaret nedan.",
      },
      {
        en: "Behind a radio or a converter: set its own waiting time first.",
        sv: "Bakom en radio eller omvandlare: ställ först dess egen väntetid.",
      },
    ],
  },
  noise: {
    message: { en: "Something disturbs the line at random.", sv: "Något stör slingan slumpmässigt." },
    fixes: [
      {
        en: "Look for what switches or runs near the cable: contactors, drives, welding, a loose wire.",
        sv: "Leta efter vad som kopplar eller går nära kabeln: kontaktorer, omriktare, svets, en lös ledare.",
      },
      {
        en: "Use twisted pair for A and B, shielded, the shield earthed at one end.",
        sv: "Använd partvinnad kabel för A och B, skärmad, med skärmen jordad i en ände.",
      },
      {
        en: "See that the line has its bias: about 200 mV or more between A and B at rest.",
        sv: "Kontrollera viloläget: minst 200 mV mellan A och B när ingen sänder.",
      },
    ],
  },
  stuck: {
    message: {
      en: "Somebody holds the line and does not let go.",
      sv: "Någon håller slingan och släpper den inte.",
    },
    fixes: [
      {
        en: "Unplug one device after the other until the line is free: the last one is broken, or sends all the time.",
        sv: "Koppla loss en enhet i taget tills slingan blir fri: den sista är trasig eller sänder hela tiden.",
      },
      {
        en: "See that A and B do not touch each other, the shield or 0 V.",
        sv: "Kontrollera att A och B inte ligger ihop med varandra, skärmen eller 0 V.",
      },
      { en: "Swap A and B at the gateway as a trial.", sv: "Prova att skifta A och B vid gatewayen." },
    ],
  },
  "second-master": {
    message: { en: "Another master asks on this line.", sv: "En annan master frågar på slingan." },
    fixes: [
      {
        en: "Find it: a PLC, a display, an older gateway. One line has one master.",
        sv: "Hitta den: en PLC, en display, en äldre gateway. En slinga har en master.",
      },
      {
        en: "Let the gateway only listen (stadsnod listen), or give it a line of its own.",
        sv: "Låt gatewayen bara lyssna (stadsnod listen), eller ge den en egen slinga.",
      },
    ],
  },
};
