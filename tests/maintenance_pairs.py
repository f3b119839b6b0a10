"""Good rows of a maintenance manual in many languages: (query, positive), two or three each."""

from __future__ import annotations

PAIRS: dict[str, list[tuple[str, str]]] = {
    "en": [
        ("P0420", "Fault P0420: the efficiency of the catalyst is too low; check both sensors."),
        ("How do I bleed the brakes?", "Open the bleed screw by half a turn and press the pedal."),
        ("Which oil does the T6 take?", "Fill the gearbox with 4.5 litres of SAE 75W-90 oil."),
    ],
    "de": [
        (
            "Was tun bei Fehler E-47?",
            "Die Kraftstoffhochdruckpumpenregelventile und Handbremsseilverstellungen prüfen.",
        ),
        (
            "Welches Öl?",
            "Das Drehmomentwandlergehäusebelüftungsventil reinigen, dann Öl bis zur Marke füllen.",
        ),
        ("Wie prüfe ich die Bremse?", "Den Bremsbelag messen und unter 2 mm Stärke ersetzen."),
    ],
    "nl": [
        (
            "Hoe vervang ik het filter?",
            "Draai het brandstofhogedrukpompvoorfilterhuis los en vang de brandstof op.",
        ),
        (
            "Wat betekent storing 12?",
            "De vloeistofniveauwaarschuwingsschakelaar is defect; vervang hem.",
        ),
    ],
    "fi": [
        (
            "Miten öljy vaihdetaan?",
            "Irrota polttoaineensuodattimenkiinnityspultti ja valuta öljy astiaan.",
        ),
        (
            "Miksi moottori ei käynnisty?",
            "Tarkista käynnistysmoottorinohjausrele ja akun navat, kun virta on pois.",
        ),
    ],
    "fr": [
        ("Que faire si l'eau fuit ?", "Resserrez le collier du tuyau puis contrôlez le niveau."),
        ("Où est le filtre à air ?", "Déposez le capot arrière ; le filtre se trouve à droite."),
    ],
    "es": [
        ("¿Cómo cambio el aceite?", "Afloje el tapón de vaciado y recoja el aceite usado."),
        ("¿Por qué no arranca?", "Compruebe el fusible 15 y la tensión de la batería, 12,6 V."),
    ],
    "ru": [
        ("Как заменить фильтр?", "Отверните корпус фильтра и слейте остатки топлива в ёмкость."),
        ("Что значит код 47?", "Давление масла ниже нормы; проверьте уровень и датчик."),
    ],
    "el": [
        ("Πώς αλλάζω το λάδι;", "Ξεβιδώστε την τάπα και αδειάστε το λάδι σε δοχείο."),
        ("Τι σημαίνει E-47;", "Η πόρτα δεν έχει κλείσει· καθαρίστε την επαφή της κλειδαριάς."),
    ],
    "ar": [
        ("كيف أغير زيت المحرك؟", "افتح سدادة التصريف واجمع الزيت القديم في وعاء مناسب."),
        ("لماذا لا تعمل المضخة؟", "افحص المصهر والمفتاح الرئيسي ثم قس مقاومة ملف المحرك."),
    ],
    "he": [
        ("איך מחליפים שמן?", "פתחו את פקק הניקוז ואספו את השמן הישן בכלי מתאים."),
        ("גז דולף", "סגרו את הברז הראשי ובדקו את האטם של הצינור."),
    ],
    "hi": [
        ("तेल कब बदलें?", "इंजन का तेल हर 250 घंटे में बदलें और फ़िल्टर भी साथ में बदलें।"),
        ("पंप क्यों नहीं चलता?", "मुख्य स्विच और फ्यूज की जांच करें, फिर मोटर की वाइंडिंग मापें।"),
    ],
    "zh": [
        ("换油", "每250小时更换发动机机油，加注4.5升SAE 15W-40，拧紧力矩35牛米。"),
        (
            "故障代码P0420是什么意思？",
            "催化转换器效率低于阈值……请检查前后氧传感器并用ThermoScan诊断仪清除故障码。",
        ),
        ("泵不启动怎么办？", "系统自检中......请先检查主开关和保险丝，然后测量电机绕组电阻。"),
    ],
    "ja": [
        (
            "ポンプが起動しない",
            "主スイッチとヒューズを点検しその後モーターの巻線抵抗を測定してください",
        ),
        (
            "油はいつ替えますか",
            "エンジンオイルは250時間ごとにSmartCheckで確認しフィルターと一緒に交換します。",
        ),
    ],
    "ko": [
        ("물이 새요", "호스 클램프를 조이고 냉각수 높이를 다시 확인하십시오."),
        ("엔진 오일은 언제 교환합니까?", "엔진 오일은 250시간마다 필터와 함께 교환해야 합니다."),
    ],
    "th": [
        ("เปลี่ยนน้ำมันเครื่องเมื่อไร", "เปลี่ยนน้ำมันเครื่องทุก 250 ชั่วโมงพร้อมกับไส้กรองและตรวจสอบรอยรั่ว"),
        ("ปั๊มไม่ทำงาน", "ตรวจสอบสวิตช์หลักและฟิวส์ก่อนแล้ววัดความต้านทานของขดลวดมอเตอร์"),
    ],
    "fa": [
        ("روغن موتور را کی عوض کنم؟", "روغن موتور هر ۲۵۰ ساعت همراه با فیلتر عوض می‌شود."),
        ("پمپ روشن نمی‌شود", "کلید اصلی و فیوز را بررسی کنید و سپس مقاومت سیم‌پیچ را اندازه بگیرید."),
    ],
}
